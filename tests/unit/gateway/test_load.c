/* SPDX-License-Identifier: MIT */
#include "gateway/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void as_many_wait_as_the_limit_says(void **state)
{
    struct admission a = {.threads = 8, .in_flight_max = 2};

    (void)state;
    assert_true(admission_enter(&a));
    assert_true(admission_enter(&a));
    assert_false(admission_enter(&a));
    assert_false(admission_enter(&a));
    admission_leave(&a);
    assert_true(admission_enter(&a));
}

static void it_is_crowded_when_an_eighth_of_the_threads_is_left(void **state)
{
    struct admission a = {.threads = 16, .in_flight_max = 2};

    (void)state;
    for (int i = 0; i < 14; i++) {
        admission_connected(&a);
    }
    assert_false(admission_crowded(&a));
    admission_connected(&a);
    assert_true(admission_crowded(&a));
    admission_disconnected(&a);
    assert_false(admission_crowded(&a));
}

static void draining_refuses_what_is_new_and_counts_what_is_owed(void **state)
{
    struct admission a = {.threads = 8, .in_flight_max = 2};

    (void)state;
    assert_true(admission_begin(&a));
    admission_drain(&a);
    assert_true(admission_is_draining(&a));
    assert_false(admission_begin(&a));
    assert_int_equal(atomic_load(&a.requests), 2);
    admission_end(&a);
    admission_end(&a);
    assert_int_equal(atomic_load(&a.requests), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_wait_as_the_limit_says),
        cmocka_unit_test(it_is_crowded_when_an_eighth_of_the_threads_is_left),
        cmocka_unit_test(draining_refuses_what_is_new_and_counts_what_is_owed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
