/* SPDX-License-Identifier: MIT */
#include "ctl/recover/rate_limit.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_S INT64_C(1800000000)
#define NONE (-1)

static int64_t wait_s(long status, int64_t retry_after, int64_t remaining, int64_t reset, bool says_so)
{
    const struct rate_limit_reply reply = {status, retry_after, remaining, reset, says_so};

    return rate_limit_wait_us(&reply, NOW_S * CLOCK_US_PER_S) / CLOCK_US_PER_S;
}

static void what_the_headers_say_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(wait_s(403, 7, NONE, NONE, false), 7);
    assert_int_equal(wait_s(429, 7, 0, NOW_S + 100, false), 7);
    assert_int_equal(wait_s(403, NONE, 0, NOW_S + 100, false), 101);
    assert_int_equal(wait_s(200, NONE, 0, NOW_S + 100, false), 101);
    assert_int_equal(wait_s(403, NONE, 0, NOW_S - 100, false), 1);
    assert_int_equal(wait_s(429, 0, NONE, NONE, false), 1);
    assert_int_equal(wait_s(429, INT64_C(999999999999), NONE, NONE, false), 24 * 3600);
}

static void a_limit_without_a_header_costs_a_minute(void **state)
{
    (void)state;
    assert_int_equal(wait_s(429, NONE, NONE, NONE, false), 60);
    assert_int_equal(wait_s(403, NONE, 4000, NOW_S + 100, true), 60);
    assert_int_equal(wait_s(403, NONE, 0, NONE, false), 60);
}

static void what_is_no_limit_costs_nothing(void **state)
{
    const struct rate_limit_reply forbidden = {403, NONE, 4000, NOW_S, false};
    const struct rate_limit_reply good = {200, NONE, 0, NOW_S, true};

    (void)state;
    assert_int_equal(wait_s(403, NONE, 4000, NOW_S + 100, false), 0);
    assert_int_equal(wait_s(200, NONE, 1, NOW_S + 100, false), 0);
    assert_int_equal(wait_s(200, 7, NONE, NONE, true), 0);
    assert_int_equal(wait_s(404, NONE, NONE, NONE, false), 0);
    assert_false(rate_limit_refused(&forbidden));
    assert_false(rate_limit_refused(&good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_headers_say_is_waited_for),
        cmocka_unit_test(a_limit_without_a_header_costs_a_minute),
        cmocka_unit_test(what_is_no_limit_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
