/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ACK_H
#define SLUICE_ACK_H

/* Which delivery tags of one channel are settled, and up to which one an ack with
 * multiple=true may go: never past one that isn't. Pure. The broker numbers the
 * deliveries of a channel 1, 2, 3 ...; at most the prefetch of them are unsettled. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct ack {
    bool *settled; /* ring: tag t is at t % capacity */
    size_t capacity;
    uint64_t first; /* the lowest tag not covered by an ack */
    uint64_t next;  /* one past the highest tag received */
};

/* capacity: the most tags ever between first and next. */
MUST_CHECK enum error_code ack_init(struct ack *a, size_t capacity, struct error *error);
/* A new channel: numbering begins anew. */
void ack_reset(struct ack *a);
/* Notes a delivery. False when the tag isn't the next one, or there is no room: the
 * broker has broken its word, and the channel must be closed. */
MUST_CHECK bool ack_received(struct ack *a, uint64_t tag);
/* tag must have been received and not be settled yet (a bug otherwise: asserted). */
void ack_settle(struct ack *a, uint64_t tag);
/* The tag to ack with multiple=true now, counted as acked from here on; 0: none. */
uint64_t ack_take(struct ack *a);
/* Received and not covered by an ack. */
size_t ack_owed(const struct ack *a);
void ack_free(struct ack *a);

#endif
