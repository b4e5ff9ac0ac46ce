/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ACK_H
#define SLUICE_ACK_H

/* The unacked delivery tags of one channel, in order: which of them are settled, and which ack frames to send
 * for them. An ack with multiple=true never goes past an unsettled tag; each settled tag beyond that is acked
 * alone. So an event that stays unsettled for long delays no ack but that of its own message. A message of
 * several events is settled when all of them are; if one was given back, the whole message is. Pure. The
 * broker numbers the deliveries of a channel 1, 2, 3 ... */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct ack_entry;

struct ack {
    struct ack_entry *entries; /* the unacked tags, in ascending order */
    size_t count, most;
    size_t events; /* of the unacked messages */
    size_t bytes;  /* total size of what is unsettled */
    uint64_t next; /* one past the highest tag received */
    bool settled;  /* a tag was settled or given back since the last ack_flush */
};

/* most: the highest number of unacked tags. */
MUST_CHECK enum error_code ack_init(struct ack *a, size_t most, struct error *error);
/* Starts over for a new channel, whose first tag is 1. */
void ack_reset(struct ack *a);
/* Records a message of so many events (at least 1), its size in bytes, and since when the oldest of them
 * exists (wall clock). Returns false when the tag is not the next one or too many tags are unacked: the
 * broker violated the protocol, and the caller must close the channel. */
MUST_CHECK bool ack_received(struct ack *a, uint64_t tag, size_t events, size_t bytes, int64_t since_us);
/* One event of this message, of this size, is settled, or must go back to the broker. The message must have
 * an event that is neither (asserted). Both return true when it was the last one and the message must go
 * back: the caller rejects the tag now, and it will not be acked. */
MUST_CHECK bool ack_settle(struct ack *a, uint64_t tag, size_t bytes);
MUST_CHECK bool ack_give_back(struct ack *a, uint64_t tag, size_t bytes);
/* Calls send once for each ack frame, so that all settled tags are acked; only the first frame may have
 * multiple=true. Returns true when all were sent: these tags now count as acked. Returns false as soon as
 * send does: the channel is lost. */
MUST_CHECK bool ack_flush(struct ack *a, bool (*send)(void *context, uint64_t tag, bool multiple),
                          void *context);
/* Number of tags received and neither acked nor given back, and of their events. */
size_t ack_owed(const struct ack *a);
size_t ack_events(const struct ack *a);
/* Total bytes of the events received and neither settled nor given back. */
size_t ack_bytes(const struct ack *a);
/* The earliest since_us of the deliveries received and not settled; 0: there is none. Looks at each. */
int64_t ack_oldest_us(const struct ack *a);
void ack_free(struct ack *a);

#endif
