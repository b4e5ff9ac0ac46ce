/* SPDX-License-Identifier: MIT */
#include "event.h"

#include "bundle.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 500
/* An event that was redelivered this often, or was under way at so many lost connections, may be the cause.
 */
#define SUSPECT_DELIVERIES 2
#define SUSPECT_LOSSES 3

/* A conflict lasts milliseconds; a lock that a person holds lasts minutes. */
#define AGAIN_BASE_US (200 * CLOCK_US_PER_MS)
#define AGAIN_CAP_US (30 * CLOCK_US_PER_S)

/* A bundle counts as an envelope of a later version until it is known to be one. */
static enum error_code read_bundle(struct event *event, struct error *error)
{
    struct bundle bundle;
    enum error_code code = bundle_open(&bundle, event->delivery->properties, event->delivery->body, error);

    event->envelope.delivery_count = bundle.delivery_count;
    return code;
}

static void event_read(struct event *event)
{
    struct error error;
    struct span properties = event->delivery->properties;
    enum error_code code = envelope_decode(properties, &event->envelope, &error);

    event->state = EVENT_WAITING;
    event->form = EVENT_READABLE;
    event->verdict = VERDICT_TRANSIENT;
    event->sqlstate[0] = '\0';
    if (code == ERROR_NEWER && !event->bundled && bundle_is(properties)) {
        event->form = EVENT_BUNDLE;
        code = read_bundle(event, &error);
    }
    if (code != ERROR_NONE) {
        int64_t deliveries = event->envelope.delivery_count;

        event->envelope = (struct envelope){
            .source = event->delivery->routing_key, .id = {"", 0}, .delivery_count = deliveries};
        event->form = code == ERROR_NEWER ? EVENT_NEWER : EVENT_MALFORMED;
        event_fail(event, VERDICT_POISON, "", error.text);
    }
}

struct event *event_new(struct broker_delivery *delivery, uint64_t channel, bool bundled, int64_t now_us)
{
    struct event *event = malloc(sizeof *event);

    if (event == NULL) {
        return NULL;
    }
    memset(event, 0, offsetof(struct event, envelope));
    event->delivery = delivery;
    event->channel = channel;
    event->bundled = bundled;
    event->delivered_us = now_us;
    event->backoff = (struct backoff){.base_us = AGAIN_BASE_US, .cap_us = AGAIN_CAP_US};
    event_read(event);
    return event;
}

size_t event_bytes(const struct event *event)
{
    return sizeof *event + event->delivery->properties.len + event->delivery->body.len;
}

bool event_is_again(const struct event *event)
{
    return event->envelope.keep == ENVELOPE_KEEP_AGAIN;
}

int64_t event_since_us(const struct event *event, int64_t now_us)
{
    int64_t received_us = event->envelope.received_us;

    return received_us > 0 && received_us < now_us && !event_is_again(event) ? received_us : now_us;
}

void event_reset(struct event *event)
{
    event->single = event->struck = event->plain = event->unburied = false;
    if (event->doomed) {
        event->state = EVENT_FAILED;
        event->verdict = VERDICT_LATER;
    } else if (event->state == EVENT_FAILED) {
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
    event->reason = malloc(size); /* NULL for lack of memory: the event then shows no reason */
    if (event->reason != NULL) {
        (void)text_copy(event->reason, size, whole);
    }
}

void event_strike(struct event *event, bool alone, uint64_t stored)
{
    if (event->failures == 0) {
        event->stored_before = stored;
    }
    event->others_stored = event->others_stored || stored > event->stored_before;
    event->failures++;
    event->alone += alone;
    event->struck = true;
}

bool event_is_suspect(const struct event *event)
{
    return event->isolated || event->envelope.delivery_count >= SUSPECT_DELIVERIES ||
           event->lost >= SUSPECT_LOSSES;
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
    queue->count++;
}

void event_queue_take_isolated(struct event_queue *queue, struct event_queue *into)
{
    struct event_queue kept = {0};
    struct event *event;

    while ((event = event_queue_pop(queue)) != NULL) {
        event_queue_push(event->isolated ? into : &kept, event);
    }
    *queue = kept;
}

void event_queue_append(struct event_queue *queue, struct event_queue *more)
{
    if (more->head == NULL) {
        return;
    }
    if (queue->head == NULL) {
        queue->head = more->head;
    } else {
        queue->tail->next = more->head;
    }
    queue->tail = more->tail;
    queue->count += more->count;
    *more = (struct event_queue){0};
}

struct event *event_queue_pop(struct event_queue *queue)
{
    struct event *event = queue->head;

    if (event != NULL) {
        queue->head = event->next;
        event->next = NULL;
        queue->count--;
    }
    return event;
}

void event_queue_take_older(struct event_queue *queue, int64_t before_us, struct event_queue *into)
{
    struct event_queue kept = {0};
    struct event *event;

    while ((event = event_queue_pop(queue)) != NULL) {
        event_queue_push(event->delivered_us < before_us ? into : &kept, event);
    }
    *queue = kept;
}

size_t event_queue_bytes(const struct event_queue *queue)
{
    size_t bytes = 0;

    for (const struct event *event = queue->head; event != NULL; event = event->next) {
        bytes += event_bytes(event);
    }
    return bytes;
}

int64_t event_queue_since_us(const struct event_queue *queue, int64_t now_us)
{
    int64_t oldest_us = now_us;

    for (const struct event *event = queue->head; event != NULL; event = event->next) {
        int64_t since_us = event_since_us(event, now_us);

        oldest_us = since_us < oldest_us ? since_us : oldest_us;
    }
    return oldest_us;
}

void event_queue_clear(struct event_queue *queue)
{
    struct event *event;

    while ((event = event_queue_pop(queue)) != NULL) {
        event_free(event);
    }
}
