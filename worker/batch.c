/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 500

static void event_read(struct event *event)
{
    struct error error;

    event->state = EVENT_WAITING;
    event->malformed = false;
    event->verdict = VERDICT_TRANSIENT;
    event->sqlstate[0] = '\0';
    if (envelope_decode(event->delivery->properties, &event->envelope, &error) != ERROR_NONE) {
        event->envelope = (struct envelope){.source = event->delivery->routing_key, .id = {"", 0}};
        event->malformed = true;
        event_fail(event, VERDICT_POISON, "", error.text);
    }
}

struct event *event_new(struct broker_delivery *delivery, uint64_t channel)
{
    struct event *event = malloc(sizeof *event);

    if (event == NULL) {
        return NULL;
    }
    event->next = NULL;
    event->delivery = delivery;
    event->channel = channel;
    event->reason = NULL;
    event_read(event);
    return event;
}

/* Forgets what an earlier attempt came to: it is again as event_new made it. */
static void event_reset(struct event *event)
{
    if (event->state == EVENT_FAILED) {
        event_read(event);
    }
}

void event_fail(struct event *event, enum verdict verdict, const char *sqlstate, const char *reason)
{
    struct span whole = span_of(reason);
    size_t size = span_cut(whole, REASON_MAX) + 1;

    event->state = EVENT_FAILED;
    event->verdict = verdict;
    (void)snprintf(event->sqlstate, sizeof event->sqlstate, "%s", sqlstate);
    free(event->reason);
    event->reason = malloc(size); /* NULL for want of memory is shown as no reason */
    if (event->reason != NULL) {
        (void)text_copy(event->reason, size, whole);
    }
}

bool event_settled(const struct event *event)
{
    switch (event->state) {
    case EVENT_STORED:
    case EVENT_REPLACED:
    case EVENT_UNCHANGED:
    case EVENT_DEAD:
    case EVENT_RETRIED:
        return true;
    case EVENT_WAITING:
    case EVENT_FAILED:
        return false;
    }
    return false;
}

void event_free(struct event *event)
{
    free(event->delivery);
    free(event->reason);
    free(event);
}

void event_queue_push(struct event_queue *queue, struct event *event)
{
    event->next = NULL;
    if (queue->head == NULL) {
        queue->head = event;
    } else {
        queue->tail->next = event;
    }
    queue->tail = event;
}

struct event *event_queue_pop(struct event_queue *queue)
{
    struct event *event = queue->head;

    if (event != NULL) {
        queue->head = event->next;
        event->next = NULL;
    }
    return event;
}

void backlog_add(struct backlog *backlog, struct event *event)
{
    bool suspect = event->envelope.delivery_count >= BATCH_SUSPECT_DELIVERIES;

    event_queue_push(suspect ? &backlog->suspects : &backlog->ordinary, event);
    backlog->count++;
}

static struct event *take_first(struct event_queue *queue, size_t *count)
{
    (*count)--;
    return event_queue_pop(queue);
}

void backlog_clear(struct backlog *backlog)
{
    while (backlog->ordinary.head != NULL) {
        event_free(take_first(&backlog->ordinary, &backlog->count));
    }
    while (backlog->suspects.head != NULL) {
        event_free(take_first(&backlog->suspects, &backlog->count));
    }
}

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

void batch_take(struct batch *batch, struct backlog *backlog, size_t most)
{
    batch->count = 0;
    batch->bytes = 0;
    if (backlog->ordinary.head == NULL && backlog->suspects.head != NULL) {
        add(batch, take_first(&backlog->suspects, &backlog->count));
        return;
    }
    while (backlog->ordinary.head != NULL &&
           (batch->count == 0 || (batch->count < most && fits(batch, backlog->ordinary.head)))) {
        add(batch, take_first(&backlog->ordinary, &backlog->count));
    }
    qsort(batch->events, batch->count, sizeof(struct event *), by_key);
}

void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        event_free(batch->events[i]);
    }
    free(batch->events);
    *batch = (struct batch){0};
}
