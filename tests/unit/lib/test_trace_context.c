/* SPDX-License-Identifier: MIT */
#include "trace_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void version_00_is_exactly_its_four_fields(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-01-",
        "00-" TRACE "-" PARENT "-01-more",
        "00-" TRACE "-" PARENT "-01 ",
        "00-0AF7651916cd43dd8448eb211c80319c-" PARENT "-01",
        "00-" TRACE "-B7ad6b7169203331-01",
        "00-" TRACE "-" PARENT "-0A",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00_" TRACE "-" PARENT "-01",
        "00-" TRACE "_" PARENT "-01",
        "00-" TRACE "-" PARENT "_01",
        "0g-" TRACE "-" PARENT "-01",
    };

    (void)state;
    assert_true(trace_parent_is_valid(span_of("00-" TRACE "-" PARENT "-01")));
    assert_true(trace_parent_is_valid(span_of("00-" TRACE "-" PARENT "-ff")));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (trace_parent_is_valid(span_of(bad[i]))) {
            fail_msg("'%s' is taken for valid", bad[i]);
        }
    }
    assert_false(trace_parent_is_valid((struct span){NULL, 0}));
}

static void a_future_version_may_have_more_fields_but_version_ff_is_none(void **state)
{
    char longest[TRACE_PARENT_MAX + 1];

    (void)state;
    assert_true(trace_parent_is_valid(span_of("01-" TRACE "-" PARENT "-01")));
    assert_true(trace_parent_is_valid(span_of("cc-" TRACE "-" PARENT "-01-what the future holds")));
    assert_false(trace_parent_is_valid(span_of("cc-" TRACE "-" PARENT "-01.what")));
    assert_false(trace_parent_is_valid(span_of("cc-" TRACE "-" PARENT "-01-\xff")));
    assert_false(trace_parent_is_valid(span_of("ff-" TRACE "-" PARENT "-01")));
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "cc-" TRACE "-" PARENT "-01-", 56);
    assert_true(trace_parent_is_valid((struct span){longest, TRACE_PARENT_MAX}));
    assert_false(trace_parent_is_valid((struct span){longest, sizeof longest}));
}

static void a_line_shows_the_trace_id_of_a_valid_traceparent_only(void **state)
{
    struct log_field shown = trace_field(span_of("00-" TRACE "-" PARENT "-01"));

    (void)state;
    assert_string_equal(shown.key, "trace_id");
    assert_true(span_equal(shown.text, span_of(TRACE)));
    assert_null(trace_field(span_of("00-1-2-3")).key);
    assert_null(trace_field(span_of("")).key);
}

static void check_appended(const char *given, const char *expected)
{
    struct buf out = {0};

    buf_append_char(&out, '|');
    if (trace_state_append(span_of(given), &out) != (*expected != '\0')) {
        fail_msg("'%s' is judged wrongly", given);
    }
    assert_string_equal(buf_text(&out) + 1, expected);
    buf_free(&out);
}

static void a_tracestate_is_a_list_of_members(void **state)
{
    static const char *const good[] = {"congo=t61rcWkgMzE",
                                       "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                                       "a=1, b=2",
                                       "a=1,,b=2",
                                       "fw529a3039@dt=FfAAAA",
                                       "0a-_*/=! ~",
                                       "a=1;b"};
    static const char *const bad[] = {
        "", ",", "a", "a=", "=1", "A=1", "_a=1", "a=b=c", "a b=1", "a=\x01", "a=caf\xc3\xa9", "a=1,b"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        check_appended(good[i], good[i]);
        assert_true(trace_state_is_valid(span_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_appended(bad[i], "");
        assert_false(trace_state_is_valid(span_of(bad[i])));
    }
    assert_false(trace_state_is_valid((struct span){NULL, 0}));
}

static void append_member(struct buf *list, char key, size_t value)
{
    buf_append_text(list, list->len > 0 ? "," : "");
    buf_append_char(list, key);
    buf_append_char(list, '=');
    for (size_t i = 0; i < value; i++) {
        buf_append_char(list, 'v');
    }
}

static void a_tracestate_has_at_most_32_members_each_within_its_limits(void **state)
{
    struct buf list = {0};

    (void)state;
    for (int i = 0; i < 32; i++) {
        append_member(&list, 'k', 1);
    }
    assert_true(trace_state_is_valid(buf_span(&list)));
    append_member(&list, 'k', 1);
    check_appended(buf_text(&list), "");
    buf_clear(&list);
    append_member(&list, 'k', 256);
    assert_true(trace_state_is_valid(buf_span(&list)));
    append_member(&list, 'l', 257);
    check_appended(buf_text(&list), "");
    buf_free(&list);
}

static void a_long_tracestate_loses_its_long_members_first_and_then_the_last_ones(void **state)
{
    struct buf list = {0}, kept = {0}, all_long = {0};

    (void)state;
    append_member(&list, 'a', 100);
    append_member(&list, 'b', 127); /* 129 bytes */
    for (char key = 'c'; key <= 'f'; key++) {
        append_member(&list, key, 126); /* 128 bytes */
    }
    append_member(&list, 'g', 1);
    assert_true(list.len > TRACE_STATE_MAX);
    append_member(&kept, 'a', 100);
    for (char key = 'c'; key <= 'e'; key++) {
        append_member(&kept, key, 126);
    }
    check_appended(buf_text(&list), buf_text(&kept));
    for (char key = 'a'; key <= 'd'; key++) {
        append_member(&all_long, key, 200);
    }
    check_appended(buf_text(&all_long), "");
    buf_free(&list);
    buf_free(&kept);
    buf_free(&all_long);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_00_is_exactly_its_four_fields),
        cmocka_unit_test(a_future_version_may_have_more_fields_but_version_ff_is_none),
        cmocka_unit_test(a_line_shows_the_trace_id_of_a_valid_traceparent_only),
        cmocka_unit_test(a_tracestate_is_a_list_of_members),
        cmocka_unit_test(a_tracestate_has_at_most_32_members_each_within_its_limits),
        cmocka_unit_test(a_long_tracestate_loses_its_long_members_first_and_then_the_last_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
