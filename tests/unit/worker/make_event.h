/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_MAKE_EVENT_H
#define SLUICE_TEST_MAKE_EVENT_H

/* Makes events as they come from the broker. Include it after cmocka.h. */

#include "worker/event.h"

#include <stdlib.h>
#include <string.h>

/* Makes a delivery as lib/broker does: one allocation that the views point into. */
static inline struct broker_delivery *make_delivery(struct span properties, size_t body_len)
{
    struct broker_delivery *d = calloc(1, sizeof *d + properties.len + body_len);
    char *bytes = (char *)(d + 1);

    assert_non_null(d);
    memcpy(bytes, properties.data, properties.len);
    d->routing_key = SPAN_LITERAL("default");
    d->properties = (struct span){bytes, properties.len};
    d->body = (struct span){bytes + properties.len, body_len};
    return d;
}

static inline struct event *make_event(const char *source, const char *id, size_t body_len)
{
    struct envelope e = {.source = span_of(source),
                         .id = span_of(id),
                         .method = SPAN_LITERAL("POST"),
                         .path = SPAN_LITERAL("/")};
    struct buf properties = {0};
    struct event *event;

    assert_int_equal(envelope_encode(&e, &properties, NULL), ERROR_NONE);
    event = event_new(make_delivery(buf_span(&properties), body_len), 1, false, 0);
    buf_free(&properties);
    assert_non_null(event);
    assert_int_equal(event->state, EVENT_WAITING);
    return event;
}

#endif
