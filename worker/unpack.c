/* SPDX-License-Identifier: MIT */
#include "unpack.h"

#include "bundle.h"
#include "content.h"

#include <stdlib.h>

static struct event *event_of(const struct event *whole, struct span properties, struct span body)
{
    struct broker_delivery *part = content_part(whole->delivery, properties, body);
    struct event *event = part == NULL ? NULL : event_new(part, whole->channel, true, whole->delivered_us);

    if (event == NULL) {
        free(part);
        return NULL;
    }
    event->isolated = event_is_suspect(whole) && event->form == EVENT_READABLE;
    return event;
}

/* Appends the events of a bundle; false for lack of memory, with the queue unchanged. */
static bool append_events(const struct event *whole, struct event_queue *queue)
{
    const struct broker_delivery *delivery = whole->delivery;
    struct event_queue events = {0};
    struct span properties, body;
    struct bundle bundle;
    struct error error; /* of what could be read before */
    bool fine = bundle_open(&bundle, delivery->properties, delivery->body, &error) == ERROR_NONE;

    while (fine && bundle_next(&bundle, &properties, &body)) {
        struct event *event = event_of(whole, properties, body);

        fine = event != NULL;
        if (fine) {
            event_queue_push(&events, event);
        }
    }
    if (fine) {
        event_queue_append(queue, &events);
    }
    event_queue_clear(&events);
    return fine;
}

bool unpack(struct broker_delivery *delivery, uint64_t channel, int64_t now_us, struct event_queue *queue)
{
    struct event *whole = event_new(delivery, channel, false, now_us);
    bool fine = true;

    if (whole == NULL) {
        return false;
    }
    if (whole->form != EVENT_BUNDLE) {
        event_queue_push(queue, whole);
        return true;
    }
    fine = append_events(whole, queue);
    if (!fine) {
        whole->delivery = NULL; /* the caller's */
    }
    event_free(whole);
    return fine;
}
