/* SPDX-License-Identifier: MIT */
#include "lifetime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_connection_lives_a_fifth_less_or_more_than_its_age(void **state)
{
    (void)state;
    assert_int_equal(lifetime_end_us(1000, 0, 50), 850);
    assert_in_range(lifetime_end_us(1000, UINT32_MAX / 2, 50), 1049, 1050);
    assert_int_equal(lifetime_end_us(1000, UINT32_MAX, 50), 1250);
}

static void the_longest_age_does_not_overflow(void **state)
{
    const int64_t week_us = INT64_C(7) * 24 * 3600 * CLOCK_US_PER_S;

    (void)state;
    assert_int_equal(lifetime_end_us(week_us, UINT32_MAX, 0), week_us / 5 * 6);
}

static void a_connection_without_an_age_is_never_replaced(void **state)
{
    (void)state;
    assert_true(lifetime_end_us(0, UINT32_MAX, 50) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_lives_a_fifth_less_or_more_than_its_age),
        cmocka_unit_test(the_longest_age_does_not_overflow),
        cmocka_unit_test(a_connection_without_an_age_is_never_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
