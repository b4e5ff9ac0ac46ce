/* SPDX-License-Identifier: MIT */
#include "worker/standstill.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S CLOCK_US_PER_S

static void it_stands_still_when_it_is_full_and_stores_nothing_for_30_s(void **state)
{
    struct standstill s = {0};

    (void)state;
    assert_false(standstill_look(&s, true, 0, 1000 * S));
    assert_false(standstill_look(&s, true, 0, 1030 * S - 1));
    assert_true(standstill_look(&s, true, 0, 1030 * S));
    assert_false(standstill_look(&s, true, 1031 * S, 1031 * S)); /* one was stored */
    assert_false(standstill_look(&s, true, 1031 * S, 1061 * S - 1));
    assert_true(standstill_look(&s, true, 1031 * S, 1061 * S));
    assert_false(standstill_look(&s, false, 1031 * S, 1062 * S));
}

static void the_time_before_it_was_full_does_not_count(void **state)
{
    struct standstill s = {0};

    (void)state;
    assert_false(standstill_look(&s, false, 10 * S, 5000 * S));
    assert_false(standstill_look(&s, true, 10 * S, 5001 * S)); /* after an hour without events */
    assert_false(standstill_look(&s, true, 10 * S, 5030 * S));
    assert_false(standstill_look(&s, false, 10 * S, 5031 * S));
    assert_false(standstill_look(&s, true, 10 * S, 5032 * S));
    assert_false(standstill_look(&s, true, 10 * S, 5061 * S));
    assert_true(standstill_look(&s, true, 10 * S, 5062 * S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_still_when_it_is_full_and_stores_nothing_for_30_s),
        cmocka_unit_test(the_time_before_it_was_full_does_not_count),
    };

    return cmocka_run_group_tests_name("standstill", tests, NULL, NULL);
}
