/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BATCH_H
#define SLUICE_BATCH_H

/* The events that a slot carries. Pure. */

#include "event.h"

struct batch {
    struct event **events;
    size_t count;
    size_t bytes; /* of bodies */
    size_t most_events;
    size_t most_bytes;
};

MUST_CHECK enum error_code batch_init(struct batch *batch, size_t most_events, size_t most_bytes,
                                      struct error *error);
/* Moves events, reset, from the queue into an empty batch until it is full by count or bytes (a first event
 * is taken whatever its size); then sorts it by (source, id) as bytes, so that two batches lock rows in the
 * same order and can't deadlock. */
void batch_take(struct batch *batch, struct event_queue *queue);
/* One event alone, reset, into an empty batch. */
void batch_take_one(struct batch *batch, struct event *event);
/* Frees the events too. */
void batch_free(struct batch *batch);

#endif
