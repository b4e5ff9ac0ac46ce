/* SPDX-License-Identifier: MIT */
#include "worker/unpack.h"

#include "bundle.h"
#include "field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

static struct buf envelope_of(const char *id)
{
    const struct envelope e = {.source = SPAN_LITERAL("default"),
                               .id = span_of(id),
                               .method = SPAN_LITERAL("POST"),
                               .path = SPAN_LITERAL("/"),
                               .received_us = 5};
    struct buf properties = {0};

    assert_int_equal(envelope_encode(&e, &properties, NULL), ERROR_NONE);
    return properties;
}

static struct broker_delivery *delivery_of(struct span properties, struct span body)
{
    struct broker_delivery *d = make_delivery(properties, body.len);

    memcpy((char *)(d + 1) + properties.len, body.data, body.len);
    d->tag = 7;
    d->redelivered = true;
    return d;
}

/* A bundle of the events a and b, whose bodies are their ids; the second envelope may be broken. */
static struct broker_delivery *bundle_made(const char *headers_of_broker, size_t headers_len, bool broken)
{
    struct buf a = envelope_of("a"), b = envelope_of("b"), properties = {0}, body = {0};
    struct broker_delivery *d;
    size_t table;

    bundle_begin(&body);
    bundle_append(&body, buf_span(&a), SPAN_LITERAL("a"));
    bundle_append(&body, broken ? SPAN_LITERAL("?") : buf_span(&b), SPAN_LITERAL("b"));
    bundle_properties(buf_span(&a), 2, &properties);
    if (headers_len > 0) { /* after the flags and the content type comes the table's length */
        struct buf with = {0};

        table = 2 + 1 + (size_t)(unsigned char)properties.data[2];
        buf_append(&with, properties.data, table);
        field_put_integer(&with, (uint64_t)(unsigned char)properties.data[table + 3] + headers_len, 4);
        buf_append(&with, headers_of_broker, headers_len);
        buf_append(&with, properties.data + table + 4, properties.len - table - 4);
        buf_free(&properties);
        properties = with;
    }
    d = delivery_of(buf_span(&properties), buf_span(&body));
    buf_free(&a), buf_free(&b), buf_free(&properties), buf_free(&body);
    return d;
}

static struct broker_delivery *bundle_delivered(int64_t count)
{
    struct buf header = {0};
    struct broker_delivery *d;

    field_put_number(&header, "x-delivery-count", count);
    d = bundle_made(header.data, header.len, false);
    buf_free(&header);
    return d;
}

static struct event_queue unpacked(struct broker_delivery *delivery)
{
    struct event_queue events = {0};

    assert_true(unpack(delivery, 3, 42, &events));
    return events;
}

static void a_message_of_one_event_is_that_event(void **state)
{
    struct buf properties = envelope_of("a");
    struct broker_delivery *delivery = delivery_of(buf_span(&properties), SPAN_LITERAL("body"));
    struct event_queue events = unpacked(delivery);

    (void)state;
    assert_int_equal(events.count, 1);
    assert_ptr_equal(events.head->delivery, delivery);
    assert_int_equal(events.head->form, EVENT_READABLE);
    assert_false(events.head->isolated);
    event_queue_clear(&events);
    buf_free(&properties);
}

static void each_event_of_a_bundle_has_its_own_content_and_the_messages_tag(void **state)
{
    struct event_queue events = unpacked(bundle_made(NULL, 0, false));
    const char *ids[] = {"a", "b"};
    size_t i = 0;

    (void)state;
    assert_int_equal(events.count, 2);
    for (const struct event *event = events.head; event != NULL; event = event->next, i++) {
        assert_int_equal(event->form, EVENT_READABLE);
        assert_true(span_equal(event->envelope.id, span_of(ids[i])));
        assert_true(span_equal(event->delivery->body, span_of(ids[i])));
        assert_true(span_equal(event->delivery->routing_key, SPAN_LITERAL("default")));
        assert_int_equal(event->delivery->tag, 7);
        assert_true(event->delivery->redelivered);
        assert_int_equal(event->channel, 3);
        assert_int_equal(event->delivered_us, 42);
        assert_false(event->isolated);
    }
    event_queue_clear(&events);
}

static void an_event_of_a_bundle_that_cannot_be_read_harms_no_other(void **state)
{
    struct event_queue events = unpacked(bundle_made(NULL, 0, true));

    (void)state;
    assert_int_equal(events.count, 2);
    assert_int_equal(events.head->form, EVENT_READABLE);
    assert_int_equal(events.tail->form, EVENT_MALFORMED);
    event_queue_clear(&events);
}

static void a_bundle_that_came_back_twice_is_to_be_taken_apart(void **state)
{
    struct event_queue once = unpacked(bundle_delivered(1)), twice = unpacked(bundle_delivered(2));

    (void)state;
    assert_false(once.head->isolated);
    assert_int_equal(twice.count, 2);
    assert_true(twice.head->isolated);
    assert_true(twice.tail->isolated);
    event_queue_clear(&once);
    event_queue_clear(&twice);
}

/* It is published as it is, as a message of its own, and unpacked when it comes back. */
static void a_bundle_within_a_bundle_is_passed_on(void **state)
{
    struct broker_delivery *inner = bundle_made(NULL, 0, false), *outer;
    struct buf properties = {0}, body = {0};
    struct event_queue events;

    (void)state;
    bundle_begin(&body);
    bundle_append(&body, inner->properties, inner->body);
    bundle_properties(inner->properties, 1, &properties);
    outer = delivery_of(buf_span(&properties), buf_span(&body));
    events = unpacked(outer);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.head->form, EVENT_NEWER);
    assert_true(span_equal(events.head->delivery->body, inner->body));
    event_queue_clear(&events);
    buf_free(&properties), buf_free(&body);
    free(inner);
}

static void what_cannot_be_read_stays_so_after_a_failed_attempt(void **state)
{
    struct broker_delivery *d = bundle_made(NULL, 0, false);
    struct event_queue events;

    (void)state;
    d->body.len--;
    events = unpacked(d);
    assert_int_equal(events.head->form, EVENT_MALFORMED);
    event_reset(events.head);
    assert_int_equal(events.head->form, EVENT_MALFORMED);
    assert_int_equal(events.head->verdict, VERDICT_POISON);
    event_queue_clear(&events);
}

static struct event_queue unpacked_with(size_t at, char value)
{
    struct broker_delivery *d = bundle_made(NULL, 0, false);

    ((char *)(d + 1))[d->properties.len + at] = value;
    return unpacked(d);
}

static void a_bundle_that_cannot_be_read_is_one_malformed_event(void **state)
{
    struct event_queue events = unpacked_with(1, 0x7f); /* the length of the first properties */

    (void)state;
    assert_int_equal(events.count, 1);
    assert_int_equal(events.head->form, EVENT_MALFORMED);
    assert_int_equal(events.head->verdict, VERDICT_POISON);
    assert_non_null(strstr(events.head->reason, "bundle"));
    event_queue_clear(&events);
}

static void a_bundle_of_a_later_release_is_left_to_a_worker_that_can_read_it(void **state)
{
    struct event_queue events = unpacked_with(0, 2);

    (void)state;
    assert_int_equal(events.count, 1);
    assert_int_equal(events.head->form, EVENT_NEWER);
    event_queue_clear(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_one_event_is_that_event),
        cmocka_unit_test(each_event_of_a_bundle_has_its_own_content_and_the_messages_tag),
        cmocka_unit_test(an_event_of_a_bundle_that_cannot_be_read_harms_no_other),
        cmocka_unit_test(a_bundle_that_came_back_twice_is_to_be_taken_apart),
        cmocka_unit_test(a_bundle_within_a_bundle_is_passed_on),
        cmocka_unit_test(what_cannot_be_read_stays_so_after_a_failed_attempt),
        cmocka_unit_test(a_bundle_that_cannot_be_read_is_one_malformed_event),
        cmocka_unit_test(a_bundle_of_a_later_release_is_left_to_a_worker_that_can_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
