/* SPDX-License-Identifier: MIT */
#include "gateway/event/event_order.h"

#include "gateway/event/event_id.h"
#include "tests/unit/gateway/make_request.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct body_memory memory = {.most = INT64_MAX};
static struct reply reply;

#define NO_HEADERS HEADERS("x", "y")

/* The order of this body; asserts that it is the same whether the id's pointer, before or behind it, was read
 * first or no id was read. */
static struct event_order point(const char *pointer, const char *body)
{
    char text[64];
    struct event_order_rule rule = {EVENT_ORDER_POINTER, text};
    const struct event_id_rule ids[] = {
        {EVENT_ID_POINTER, "/none", ENVELOPE_KEEP_NEWEST},
        {EVENT_ID_POINTER, pointer, ENVELOPE_KEEP_NEWEST},
        {EVENT_ID_BODY, NULL, ENVELOPE_KEEP_NEWEST},
        {EVENT_ID_END, NULL, ENVELOPE_KEEP_NEWEST},
    };
    struct request r = make_request("POST", "/", NO_HEADERS);
    struct event_order orders[2];

    (void)snprintf(text, sizeof text, "%s", pointer);
    for (int with_id = 0; with_id < 2; with_id++) {
        struct body_text read = body_text_of(&r, span_of(body), 1000, &memory);
        struct event_id id;

        event_order_begin(&rule, &read);
        if (with_id == 1) {
            (void)event_id_take(ids, &r, &read, 1, &id, &reply);
            assert_true(read.also_read);
        }
        assert_true(event_order_take(&rule, &r, &read, &orders[with_id], &reply));
        body_text_free(&read);
    }
    assert_int_equal(orders[0].found, orders[1].found);
    assert_int_equal(orders[0].value, orders[1].value);
    return orders[0];
}

static struct event_order in_header(const char *const *headers)
{
    char name[] = "x-sequence";
    const struct event_order_rule rule = {EVENT_ORDER_HEADER, name};
    struct request r = make_request("POST", "/", headers);
    struct body_text body = body_text_of(&r, SPAN_LITERAL(""), 1000, &memory);
    struct event_order order;

    event_order_begin(&rule, &body);
    assert_true(event_order_take(&rule, &r, &body, &order, &reply));
    assert_false(body.also_read);
    body_text_free(&body);
    return order;
}

/* As the value of a JSON member, and, when it is a string without escapes, as a header. */
static void assert_order(const char *json, int64_t expected)
{
    struct buf body = {0};
    struct event_order order;

    buf_printf(&body, "{\"a\":[{\"o\":%s}],\"z\":1}", json);
    order = point("/a/0/o", buf_text(&body));
    if (!order.found || order.value != expected) {
        fail_msg("%s: %" PRId64, json, order.value);
    }
    if (json[0] == '"' && strchr(json, '\\') == NULL) {
        buf_clear(&body);
        buf_append(&body, json + 1, strlen(json) - 2);
        order = in_header(HEADERS("X-Sequence", buf_text(&body)));
        assert_true(order.found);
        assert_int_equal(order.value, expected);
    }
    buf_free(&body);
}

static void assert_none(const char *json)
{
    struct buf body = {0};

    buf_printf(&body, "{\"o\":%s}", json);
    if (point("/o", buf_text(&body)).found) {
        fail_msg("%s was found", json);
    }
    buf_free(&body);
}

static void integers_are_read_as_they_are_to_the_limits_of_64_bits(void **state)
{
    (void)state;
    assert_order("0", 0);
    assert_order("-0", 0);
    assert_order("1614265330", 1614265330);
    assert_order("-7", -7);
    assert_order("9223372036854775807", INT64_MAX);
    assert_order("-9223372036854775808", INT64_MIN);
    assert_order("\"17\"", 17);
    assert_order("\"-17\"", -17);
    assert_order("\"0000000000000000000000000000017\"", 17);
    assert_order("\"9223372036854775807\"", INT64_MAX);
    assert_order("\"\\u0031\\u0037\"", 17);
}

static void times_are_microseconds(void **state)
{
    (void)state;
    assert_order("\"1970-01-01T00:00:00.000001Z\"", 1);
    assert_order("\"2021-02-25T15:02:10Z\"", 1614265330000000);
    assert_order("\"2021-02-25T20:32:10.634234626+05:30\"", 1614265330634234);
    assert_order("\"2021-02-25T20:32:10.634234626\\u002B05:30\"", 1614265330634234);
    assert_order("\"2016-12-31T23:59:60Z\"", 1483228800000000);
}

static void anything_else_is_no_order(void **state)
{
    static const char *const odd[] = {"9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999",
                                      "1.0",
                                      "1e3",
                                      "1614265330.5",
                                      "true",
                                      "null",
                                      "{}",
                                      "[1]",
                                      "\"\"",
                                      "\"-\"",
                                      "\"+1\"",
                                      "\" 1\"",
                                      "\"1 \"",
                                      "\"0x10\"",
                                      "\"9223372036854775808\"",
                                      "\"1503435956.000247\"",
                                      "\"2021-02-25\"",
                                      "\"2021-02-30T00:00:00Z\"",
                                      "\"2021-02-25 15:02:10Z\"",
                                      "\"\\ud800\"",
                                      "1,\"o\":1"};
    struct buf text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_none(odd[i]);
    }
    buf_append_text(&text, "\"\\u0031");
    for (int i = 0; i < 2000; i++) {
        buf_append_char(&text, '0');
    }
    buf_append_char(&text, '"');
    assert_none(buf_text(&text));
    buf_free(&text);
    assert_false(point("/o", "{\"p\":1}").found);
    assert_false(point("/o", "o=1").found);
    assert_false(point("/o", "").found);
    assert_false(in_header(NO_HEADERS).found);
    assert_false(in_header(HEADERS("X-Sequence", "")).found);
    assert_false(in_header(HEADERS("X-Sequence", "1", "X-Sequence", "1")).found);
}

static void a_source_without_an_order_finds_none(void **state)
{
    const struct event_order_rule rule = {EVENT_ORDER_NONE, NULL};
    struct request r = make_request("POST", "/", NO_HEADERS);
    struct body_text body = body_text_of(&r, SPAN_LITERAL("{\"o\":1}"), 1000, &memory);
    struct event_order order = {.found = true};

    (void)state;
    event_order_begin(&rule, &body);
    assert_true(event_order_take(&rule, &r, &body, &order, &reply));
    assert_false(order.found);
    assert_false(body.is_read);
    body_text_free(&body);
}

/* Else the event would be kept without its order for want of memory alone. */
static void a_body_that_no_memory_can_inflate_must_come_again(void **state)
{
    static const char gzipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
                                  "\xab\x56\xca\x57\xb2\x32\xac\x05\x00\xce\x12\x2b\xe9\x07\x00\x00\x00";
    struct body_memory none = {.most = 0};
    char pointer[] = "/o";
    const struct event_order_rule rule = {EVENT_ORDER_POINTER, pointer};
    struct request r = make_request("POST", "/", HEADERS("Content-Encoding", "gzip"));
    struct body_text body = body_text_of(&r, (struct span){gzipped, sizeof gzipped - 1}, 1000, &none);
    struct event_order order;

    (void)state;
    event_order_begin(&rule, &body);
    assert_false(event_order_take(&rule, &r, &body, &order, &reply));
    assert_int_equal(reply.kind, REPLY_MEMORY);
    body_text_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_as_they_are_to_the_limits_of_64_bits),
        cmocka_unit_test(times_are_microseconds),
        cmocka_unit_test(anything_else_is_no_order),
        cmocka_unit_test(a_source_without_an_order_finds_none),
        cmocka_unit_test(a_body_that_no_memory_can_inflate_must_come_again),
    };

    return cmocka_run_group_tests_name("event_order", tests, NULL, NULL);
}
