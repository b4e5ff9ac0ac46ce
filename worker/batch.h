/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BATCH_H
#define SLUICE_BATCH_H

/* The events that a slot is storing. Pure. */

#include "event.h"

struct batch {
    struct event **events;
    size_t count;
    size_t bytes; /* total size of the bodies */
    size_t most_events;
    size_t most_bytes;
};

MUST_CHECK enum error_code batch_init(struct batch *batch, size_t most_events, size_t most_bytes,
                                      struct error *error);
/* Moves events from the queue into an empty batch, calling event_reset on each, until the next one would
 * exceed the count or byte limit. The first event is taken whatever its size. Sorts the batch by (source, id)
 * as bytes, so that any two batches lock rows in the same order and cannot deadlock. */
void batch_take(struct batch *batch, struct event_queue *queue);
/* Puts one event into an empty batch and calls event_reset on it. */
void batch_take_one(struct batch *batch, struct event *event);
/* Also frees the events in it. */
void batch_free(struct batch *batch);

#endif
