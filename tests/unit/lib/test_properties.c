/* SPDX-License-Identifier: MIT */
#include "properties.h"

#include "field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Encodes all properties, in AMQP's order. headers may be NULL. */
static struct buf with_all(const struct buf *headers)
{
    struct buf out = {0};

    field_put_integer(&out, headers == NULL ? 0xdff8 : 0xfff8, 2);
    field_put_short_string(&out, SPAN_LITERAL("text/plain"));
    field_put_short_string(&out, SPAN_LITERAL("gzip"));
    if (headers != NULL) {
        field_put_integer(&out, headers->len, 4);
        buf_append_span(&out, buf_span(headers));
    }
    field_put_integer(&out, 2, 1);
    field_put_integer(&out, 7, 1);
    field_put_short_string(&out, SPAN_LITERAL("correlation"));
    field_put_short_string(&out, SPAN_LITERAL("reply-to"));
    field_put_short_string(&out, SPAN_LITERAL("1000"));
    field_put_short_string(&out, SPAN_LITERAL("the-id"));
    field_put_integer(&out, 1234, 8);
    field_put_short_string(&out, SPAN_LITERAL("type"));
    field_put_short_string(&out, SPAN_LITERAL("user"));
    field_put_short_string(&out, SPAN_LITERAL("app"));
    return out;
}

static void put_ours(struct buf *headers)
{
    field_put_number(headers, "sluice-version", 9);
    field_put_text(headers, SPAN_LITERAL("x-custom"), SPAN_LITERAL("stranger"));
}

static void put_brokers(struct buf *headers)
{
    field_put_number(headers, "x-delivery-count", 3);
    field_put_number(headers, "x-acquired-count", 3);
    field_put_text(headers, SPAN_LITERAL("x-first-death-queue"), SPAN_LITERAL("q"));
    field_put_text(headers, SPAN_LITERAL("x-last-death-reason"), SPAN_LITERAL("expired"));
    field_put_short_string(headers, SPAN_LITERAL("x-death"));
    buf_append_text(headers, "A");
    field_put_integer(headers, 0, 4);
}

static void each_property_is_found_among_all_others(void **state)
{
    struct buf headers = {0}, all;
    struct properties parts;

    (void)state;
    put_ours(&headers);
    all = with_all(&headers);
    assert_int_equal(properties_read(buf_span(&all), &parts, NULL), ERROR_NONE);
    assert_true(span_equal(parts.content_type, SPAN_LITERAL("text/plain")));
    assert_true(span_equal(parts.headers, buf_span(&headers)));
    assert_true(span_equal(parts.message_id, SPAN_LITERAL("the-id")));
    buf_free(&headers);
    buf_free(&all);
}

static void what_is_cut_short_anywhere_is_malformed_or_leaves_all_parts_whole(void **state)
{
    struct buf headers = {0}, all, out = {0};
    struct properties parts;
    struct error error;

    (void)state;
    put_ours(&headers);
    all = with_all(&headers);
    for (size_t len = 0; len < all.len - 30; len++) { /* properties_read doesn't read past the id */
        assert_int_equal(properties_read((struct span){all.data, len}, &parts, &error), ERROR_MALFORMED);
        assert_int_equal(properties_strip((struct span){all.data, len}, &out, &error), ERROR_MALFORMED);
        assert_int_equal(out.len, 0);
    }
    buf_free(&headers);
    buf_free(&all);
}

static void more_flags_than_are_known_are_malformed(void **state)
{
    struct properties parts;

    (void)state;
    assert_int_equal(properties_read(SPAN_LITERAL("\x00\x01\x00\x00"), &parts, NULL), ERROR_MALFORMED);
}

static void stripping_takes_away_what_brokers_add_and_nothing_else(void **state)
{
    struct buf plain = {0}, with = {0}, before, after, out = {0};

    (void)state;
    put_brokers(&with);
    put_ours(&with);
    put_brokers(&with);
    put_ours(&plain);
    before = with_all(&with);
    after = with_all(&plain);
    assert_int_equal(properties_strip(buf_span(&before), &out, NULL), ERROR_NONE);
    assert_true(span_equal(buf_span(&out), buf_span(&after)));
    buf_clear(&out);
    assert_int_equal(properties_strip(buf_span(&after), &out, NULL), ERROR_NONE);
    assert_true(span_equal(buf_span(&out), buf_span(&after)));
    buf_free(&plain);
    buf_free(&with);
    buf_free(&before);
    buf_free(&after);
    buf_free(&out);
}

static void properties_without_headers_stay_as_they_are(void **state)
{
    struct buf all = with_all(NULL), out = {0};

    (void)state;
    assert_int_equal(properties_strip(buf_span(&all), &out, NULL), ERROR_NONE);
    assert_true(span_equal(buf_span(&out), buf_span(&all)));
    buf_free(&all);
    buf_free(&out);
}

static void headers_of_the_broker_alone_leave_none(void **state)
{
    struct buf headers = {0}, bare = with_all(NULL), again, out = {0};

    (void)state;
    put_brokers(&headers);
    again = with_all(&headers);
    assert_int_equal(properties_strip(buf_span(&again), &out, NULL), ERROR_NONE);
    assert_true(span_equal(buf_span(&out), buf_span(&bare)));
    buf_free(&headers);
    buf_free(&bare);
    buf_free(&again);
    buf_free(&out);
}

static void headers_of_an_unknown_type_are_malformed(void **state)
{
    struct buf headers = {0}, all, out = {0};
    struct error error;

    (void)state;
    buf_append_text(&out, "kept");
    field_put_short_string(&headers, SPAN_LITERAL("odd"));
    buf_append_text(&headers, "?");
    all = with_all(&headers);
    assert_int_equal(properties_strip(buf_span(&all), &out, &error), ERROR_MALFORMED);
    assert_non_null(strstr(error.text, "unknown type"));
    assert_true(span_equal(buf_span(&out), SPAN_LITERAL("kept")));
    buf_free(&headers);
    buf_free(&all);
    buf_free(&out);
}

static void no_memory_is_told(void **state)
{
    struct buf headers = {0}, all, out = {.failed = true};
    struct error error;

    (void)state;
    put_ours(&headers);
    all = with_all(&headers);
    assert_int_equal(properties_strip(buf_span(&all), &out, &error), ERROR_MEMORY);
    buf_free(&headers);
    buf_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_is_found_among_all_others),
        cmocka_unit_test(what_is_cut_short_anywhere_is_malformed_or_leaves_all_parts_whole),
        cmocka_unit_test(more_flags_than_are_known_are_malformed),
        cmocka_unit_test(stripping_takes_away_what_brokers_add_and_nothing_else),
        cmocka_unit_test(properties_without_headers_stay_as_they_are),
        cmocka_unit_test(headers_of_the_broker_alone_leave_none),
        cmocka_unit_test(headers_of_an_unknown_type_are_malformed),
        cmocka_unit_test(no_memory_is_told),
    };

    return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}
