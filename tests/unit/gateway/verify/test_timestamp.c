/* SPDX-License-Identifier: MIT */
#include "gateway/verify/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_read(enum timestamp_unit unit, const char *text, int64_t expected)
{
    int64_t seconds = -1;

    if (!timestamp_read(unit, span_of(text), &seconds) || seconds != expected) {
        fail_msg("%s: %lld", text, (long long)seconds);
    }
}

static void numbers_are_seconds_or_milliseconds(void **state)
{
    (void)state;
    assert_read(TIMESTAMP_SECONDS, "1614265330", 1614265330);
    assert_read(TIMESTAMP_MILLISECONDS, "1614265330999", 1614265330);
    assert_read(TIMESTAMP_MILLISECONDS, "1614265331000", 1614265331);
    assert_read(TIMESTAMP_MILLISECONDS, "0", 0);
}

/* The expected values are those of GNU date. */
static void rfc_3339_is_read_with_any_fraction_and_offset(void **state)
{
    (void)state;
    assert_read(TIMESTAMP_RFC3339, "1970-01-01T00:00:00Z", 0);
    assert_read(TIMESTAMP_RFC3339, "2021-02-25T15:02:10Z", 1614265330);
    assert_read(TIMESTAMP_RFC3339, "2021-02-25T15:02:10.634234626Z", 1614265330);
    assert_read(TIMESTAMP_RFC3339, "2021-02-25T07:02:10-08:00", 1614265330);
    assert_read(TIMESTAMP_RFC3339, "2021-02-25T20:32:10+05:30", 1614265330);
    assert_read(TIMESTAMP_RFC3339, "2021-02-25T15:02:10+00:00", 1614265330);
    assert_read(TIMESTAMP_RFC3339, "2000-02-29T00:00:00Z", 951782400);
    assert_read(TIMESTAMP_RFC3339, "2024-02-29T23:59:59Z", 1709251199);
    assert_read(TIMESTAMP_RFC3339, "2024-03-01T00:00:00Z", 1709251200);
    assert_read(TIMESTAMP_RFC3339, "2026-12-31T23:59:60Z", 1798761600);
    assert_read(TIMESTAMP_RFC3339, "1969-12-31T23:59:59Z", -1);
    assert_read(TIMESTAMP_RFC3339, "0001-01-01T00:00:00Z", -62135596800);
}

static void assert_us(const char *text, int64_t expected)
{
    int64_t us = -1;

    if (!timestamp_read_us(span_of(text), &us) || us != expected) {
        fail_msg("%s: %lld", text, (long long)us);
    }
}

static void a_time_has_microseconds(void **state)
{
    int64_t us;

    (void)state;
    assert_us("1970-01-01T00:00:00Z", 0);
    assert_us("1970-01-01T00:00:00.1Z", 100000);
    assert_us("1970-01-01T00:00:00.000001Z", 1);
    assert_us("1970-01-01T00:00:00.0000019999Z", 1);
    assert_us("1969-12-31T23:59:59.9999999Z", -1);
    assert_us("2021-02-25T20:32:10.634234+05:30", 1614265330634234);
    assert_us("2021-02-25T07:02:10.634234-08:00", 1614265330634234);
    assert_us("2016-12-31T23:59:60.5Z", 1483228800500000);
    assert_us("0001-01-01T00:00:00Z", -62135596800000000);
    assert_us("9999-12-31T23:59:59.999999Z", 253402300799999999);
    assert_false(timestamp_read_us(SPAN_LITERAL("2021-02-25"), &us));
    assert_false(timestamp_read_us(SPAN_LITERAL("1614265330"), &us));
    assert_false(timestamp_read_us(SPAN_LITERAL("2021-02-25T15:02:10.Z"), &us));
}

static void anything_else_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "1614265330",
                                        "2021-02-25",
                                        "2021-02-25T15:02:10",
                                        "2021-02-25 15:02:10Z",
                                        "2021-02-25t15:02:10z",
                                        "2021-02-25T15:02Z",
                                        "2021-02-25T15:02:10.Z",
                                        "2021-02-25T15:02:10,5Z",
                                        "2021-02-25T15:02:10Z ",
                                        " 2021-02-25T15:02:10Z",
                                        "2021-02-25T15:02:10+0530",
                                        "2021-02-25T15:02:10+05",
                                        "2021-02-25T15:02:10+24:00",
                                        "2021-02-25T24:00:00Z",
                                        "2021-02-25T15:60:00Z",
                                        "2021-02-25T15:02:61Z",
                                        "2021-02-29T15:02:10Z",
                                        "2100-02-29T15:02:10Z",
                                        "2021-04-31T15:02:10Z",
                                        "2021-13-01T15:02:10Z",
                                        "2021-00-01T15:02:10Z",
                                        "2021-01-00T15:02:10Z",
                                        "2021-12-32T15:02:10Z",
                                        "0000-01-01T00:00:00Z",
                                        "+021-02-25T15:02:10Z",
                                        "2021-2-25T15:02:10Z",
                                        "2021-02-25T-5:02:10Z"};
    int64_t seconds = -1;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (timestamp_read(TIMESTAMP_RFC3339, span_of(wrong[i]), &seconds)) {
            fail_msg("%s was read", wrong[i]);
        }
    }
    assert_false(timestamp_read(TIMESTAMP_SECONDS, SPAN_LITERAL("2021-02-25T15:02:10Z"), &seconds));
    assert_false(timestamp_read(TIMESTAMP_MILLISECONDS, SPAN_LITERAL("1614265330.5"), &seconds));
    assert_false(timestamp_read(TIMESTAMP_MILLISECONDS, SPAN_LITERAL("-1"), &seconds));
    assert_false(timestamp_read(TIMESTAMP_MILLISECONDS, SPAN_LITERAL(""), &seconds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_seconds_or_milliseconds),
        cmocka_unit_test(rfc_3339_is_read_with_any_fraction_and_offset),
        cmocka_unit_test(a_time_has_microseconds),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
