/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ACK_H
#define SLUICE_ACK_H

/* The delivery tags of one channel that the broker waits for, in order: which are settled, and which frames
 * tell the broker so. An ack with multiple=true never goes past a tag that isn't settled; each settled one
 * beyond it is acked alone. So an event that stays unsettled for long holds up no ack but its own. Pure. The
 * broker numbers the deliveries of a channel 1, 2, 3 ... */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct ack_entry;

struct ack {
    struct ack_entry *entries; /* ordered by tag; those that the broker waits for */
    size_t count, most;
    size_t bytes;  /* of what is not settled */
    uint64_t next; /* one past the highest tag received */
    bool settled;  /* something is, since the last ack_flush */
};

/* most: tags that the broker may wait for at once. */
MUST_CHECK enum error_code ack_init(struct ack *a, size_t most, struct error *error);
/* A new channel: numbering begins anew. */
void ack_reset(struct ack *a);
/* Notes a delivery of so many bytes. False when the tag isn't the next one, or too many are unacked: the
 * broker has broken its word, and the channel must be closed. */
MUST_CHECK bool ack_received(struct ack *a, uint64_t tag, size_t bytes);
/* tag must have been received and be neither settled nor given back (a bug otherwise: asserted). */
void ack_settle(struct ack *a, uint64_t tag);
/* Likewise; the caller has given it back to the broker, and it is never acked. */
void ack_given_back(struct ack *a, uint64_t tag);
/* Calls send for each frame that acks what is settled: first at most one with multiple. True: all were sent,
 * and counted as acked from here on. False as soon as send returns false: the channel is lost. */
MUST_CHECK bool ack_flush(struct ack *a, bool (*send)(void *context, uint64_t tag, bool multiple),
                          void *context);
/* Received and neither acked nor given back. */
size_t ack_owed(const struct ack *a);
/* Bytes of what is received and not settled. */
size_t ack_bytes(const struct ack *a);
void ack_free(struct ack *a);

#endif
