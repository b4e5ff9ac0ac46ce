/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ACK_H
#define SLUICE_ACK_H

/* The unacked delivery tags of one channel, in order: which of them are settled, and which ack frames to send
 * for them. An ack with multiple=true never goes past an unsettled tag; each settled tag beyond that is acked
 * alone. So an event that stays unsettled for long delays no ack but its own. Pure. The broker numbers the
 * deliveries of a channel 1, 2, 3 ... */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct ack_entry;

struct ack {
    struct ack_entry *entries; /* the unacked tags, in ascending order */
    size_t count, most;
    size_t bytes;  /* total size of the unsettled deliveries */
    uint64_t next; /* one past the highest tag received */
    bool settled;  /* a tag was settled or given back since the last ack_flush */
};

/* most: the highest number of unacked tags. */
MUST_CHECK enum error_code ack_init(struct ack *a, size_t most, struct error *error);
/* Starts over for a new channel, whose first tag is 1. */
void ack_reset(struct ack *a);
/* Records a delivery, its size in bytes, and since when its event exists (wall clock). Returns false when the
 * tag is not the next one or too many tags are unacked: the broker violated the protocol, and the caller must
 * close the channel. */
MUST_CHECK bool ack_received(struct ack *a, uint64_t tag, size_t bytes, int64_t since_us);
/* Marks a tag as ready to be acked. The tag must have been received and be neither settled nor given back
 * (asserted). */
void ack_settle(struct ack *a, uint64_t tag);
/* Marks a tag that the caller has returned to the broker; it will not be acked. Same precondition. */
void ack_given_back(struct ack *a, uint64_t tag);
/* Calls send once for each ack frame, so that all settled tags are acked; only the first frame may have
 * multiple=true. Returns true when all were sent: these tags now count as acked. Returns false as soon as
 * send does: the channel is lost. */
MUST_CHECK bool ack_flush(struct ack *a, bool (*send)(void *context, uint64_t tag, bool multiple),
                          void *context);
/* Number of tags received and neither acked nor given back. */
size_t ack_owed(const struct ack *a);
/* Total bytes of the deliveries received and not settled. */
size_t ack_bytes(const struct ack *a);
/* The earliest since_us of the deliveries received and not settled; 0: there is none. Looks at each. */
int64_t ack_oldest_us(const struct ack *a);
void ack_free(struct ack *a);

#endif
