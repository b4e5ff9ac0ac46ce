/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdlib.h>

enum error_code batch_init(struct batch *batch, size_t most_events, size_t most_bytes, struct error *error)
{
    *batch = (struct batch){.most_events = most_events, .most_bytes = most_bytes};
    batch->events = calloc(most_events, sizeof(struct event *));
    if (batch->events == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a batch of %zu events", most_events);
    }
    return ERROR_NONE;
}

static void add(struct batch *batch, struct event *event)
{
    event_reset(event);
    batch->events[batch->count++] = event;
    batch->bytes += event->delivery->body.len;
}

static bool fits(const struct batch *batch, const struct event *event)
{
    return batch->count < batch->most_events && batch->bytes <= batch->most_bytes &&
           event->delivery->body.len <= batch->most_bytes - batch->bytes;
}

static int by_key(const void *a, const void *b)
{
    const struct event *const *left = a;
    const struct event *const *right = b;
    int order = span_compare((*left)->envelope.source, (*right)->envelope.source);

    return order != 0 ? order : span_compare((*left)->envelope.id, (*right)->envelope.id);
}

void batch_take(struct batch *batch, struct event_queue *queue)
{
    batch->count = 0;
    batch->bytes = 0;
    while (queue->head != NULL && (batch->count == 0 || fits(batch, queue->head))) {
        add(batch, event_queue_pop(queue));
    }
    qsort(batch->events, batch->count, sizeof(struct event *), by_key);
}

void batch_take_one(struct batch *batch, struct event *event)
{
    batch->count = 0;
    batch->bytes = 0;
    add(batch, event);
}

void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        event_free(batch->events[i]);
    }
    free(batch->events);
    *batch = (struct batch){0};
}
