/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ACK_H
#define SLUICE_ACK_H

/* Which delivery tags of one channel are settled, and up to which one an ack with
 * multiple=true may go: never past one that isn't. Pure. The broker numbers the
 * deliveries of a channel 1, 2, 3 ...; at most the prefetch of them are unsettled. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum ack_state { ACK_UNSETTLED, ACK_SETTLED, ACK_ALONE };

struct ack {
    unsigned char *states; /* ring of enum ack_state: tag t is at t % span */
    size_t span;           /* the most tags ever between first and next */
    size_t most;           /* of them unacked */
    size_t owed;
    uint64_t first; /* the lowest tag not covered by an ack */
    uint64_t next;  /* one past the highest tag received */
};

/* most: unacked tags, which is what the broker holds to. So that acks may go past a gap for a while, up to 32
 * times as many tags may lie between the first unsettled one and the last. */
MUST_CHECK enum error_code ack_init(struct ack *a, size_t most, struct error *error);
/* A new channel: numbering begins anew. */
void ack_reset(struct ack *a);
/* Notes a delivery. False when the tag isn't the next one, or too many are unacked (the broker has broken its
 * word), or the first unsettled one lies too far back: the channel must be closed. */
MUST_CHECK bool ack_received(struct ack *a, uint64_t tag);
/* tag must have been received and not be settled yet (a bug otherwise: asserted). */
void ack_settle(struct ack *a, uint64_t tag);
/* The tag to ack with multiple=true now, counted as acked from here on; 0: none. */
uint64_t ack_take(struct ack *a);
/* A settled tag past the first unsettled one, to ack alone, counted as acked from here on; 0: none. For when
 * that one may stay unsettled for long: it costs a frame each, and a look at all tags in between. */
uint64_t ack_take_alone(struct ack *a);
/* Received and not acked. */
size_t ack_owed(const struct ack *a);
void ack_free(struct ack *a);

#endif
