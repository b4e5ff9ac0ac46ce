/* SPDX-License-Identifier: MIT */
#include "gateway/publish/delays.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_delay_is_zero_or_whole_seconds_up_to_a_day(void **state)
{
    (void)state;
    assert_null(delays_wrong(0));
    assert_null(delays_wrong(CLOCK_US_PER_S));
    assert_null(delays_wrong(24 * 60 * 60 * CLOCK_US_PER_S));
    assert_non_null(delays_wrong(-CLOCK_US_PER_S));
    assert_non_null(delays_wrong(1500 * CLOCK_US_PER_MS));
    assert_non_null(delays_wrong((24 * 60 * 60 + 1) * CLOCK_US_PER_S));
}

static void a_set_has_each_delay_once_and_at_most_as_many_as_setup_declares(void **state)
{
    struct delays set = {.count = 0};

    (void)state;
    assert_true(delays_add(&set, 0));
    assert_int_equal(set.count, 0);
    for (int64_t s = 1; s <= TOPOLOGY_DELAYS_MAX; s++) {
        assert_false(delays_has(&set, s));
        assert_true(delays_add(&set, s));
        assert_true(delays_add(&set, s));
        assert_true(delays_has(&set, s));
    }
    assert_int_equal(set.count, TOPOLOGY_DELAYS_MAX);
    assert_true(delays_add(&set, 1));
    assert_false(delays_add(&set, TOPOLOGY_DELAYS_MAX + 1));
}

static void known_delays_are_not_checked_again(void **state)
{
    const struct delays set = {{10, 60}, 2};
    struct error error;

    (void)state;
    /* There is no broker_access: a connection attempt would crash. */
    assert_int_equal(delays_probe(&set, &set, NULL, "test", &error), ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delay_is_zero_or_whole_seconds_up_to_a_day),
        cmocka_unit_test(a_set_has_each_delay_once_and_at_most_as_many_as_setup_declares),
        cmocka_unit_test(known_delays_are_not_checked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
