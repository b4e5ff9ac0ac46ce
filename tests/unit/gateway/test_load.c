/* SPDX-License-Identifier: MIT */
#include "gateway/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void at_most_in_flight_max_requests_wait(void **state)
{
    struct load a = {.threads = 8, .in_flight_max = 2};

    (void)state;
    assert_true(load_enter(&a));
    assert_true(load_enter(&a));
    assert_false(load_enter(&a));
    assert_false(load_enter(&a));
    load_leave(&a);
    assert_true(load_enter(&a));
}

static void connections_are_kept_until_an_eighth_of_the_threads_is_left(void **state)
{
    struct load a = {.threads = 16, .in_flight_max = 2};

    (void)state;
    for (int i = 0; i < 14; i++) {
        load_connected(&a);
    }
    assert_true(load_keeps_alive(&a));
    load_connected(&a);
    assert_false(load_keeps_alive(&a));
    load_disconnected(&a);
    assert_true(load_keeps_alive(&a));
}

static void a_lame_duck_serves_requests_and_keeps_no_connection(void **state)
{
    struct load a = {.threads = 8, .in_flight_max = 2};

    (void)state;
    assert_true(load_keeps_alive(&a));
    load_lame_duck(&a);
    assert_false(load_keeps_alive(&a));
    assert_true(load_begin(&a));
}

static void draining_refuses_new_requests_and_counts_running_ones(void **state)
{
    struct load a = {.threads = 8, .in_flight_max = 2};

    (void)state;
    assert_true(load_begin(&a));
    load_drain(&a);
    assert_false(load_begin(&a));
    assert_int_equal(atomic_load(&a.requests), 2);
    load_end(&a);
    load_end(&a);
    assert_int_equal(atomic_load(&a.requests), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_in_flight_max_requests_wait),
        cmocka_unit_test(connections_are_kept_until_an_eighth_of_the_threads_is_left),
        cmocka_unit_test(a_lame_duck_serves_requests_and_keeps_no_connection),
        cmocka_unit_test(draining_refuses_new_requests_and_counts_running_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
