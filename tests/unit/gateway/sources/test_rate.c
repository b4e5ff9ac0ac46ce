/* SPDX-License-Identifier: MIT */
#include "gateway/sources/source.h"

#include "clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define START (1000 * CLOCK_US_PER_S)
#define THREADS 4
#define TRIES 1000

static void without_a_rate_everything_passes(void **state)
{
    struct rate rate = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rate_take(&rate, START), 0);
    }
}

static void a_burst_passes_at_once_and_then_one_each_interval(void **state)
{
    struct rate rate = {.per_second = 10, .burst = 3};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rate_take(&rate, START), 0);
    }
    assert_int_equal(rate_take(&rate, START), 100 * CLOCK_US_PER_MS);
    assert_int_equal(rate_take(&rate, START + 60 * CLOCK_US_PER_MS), 40 * CLOCK_US_PER_MS);
    assert_int_equal(rate_take(&rate, START + 100 * CLOCK_US_PER_MS), 0);
    assert_true(rate_take(&rate, START + 100 * CLOCK_US_PER_MS) > 0);
    /* After a long quiet time: one burst, not more. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rate_take(&rate, 2 * START), 0);
    }
    assert_true(rate_take(&rate, 2 * START) > 0);
}

static void over_a_long_time_no_more_pass_than_the_rate(void **state)
{
    struct rate rate = {.per_second = 7, .burst = 2};
    int passed = 0;

    (void)state;
    for (int64_t now = START; now < START + 100 * CLOCK_US_PER_S; now += 10 * CLOCK_US_PER_MS) {
        passed += rate_take(&rate, now) == 0;
    }
    assert_in_range(passed, 690, 702);
}

static struct rate shared = {.per_second = 1, .burst = 500};
static atomic_int taken;

static void *take_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < TRIES; i++) {
        atomic_fetch_add(&taken, rate_take(&shared, START) == 0);
    }
    return NULL;
}

static void threads_take_no_token_twice(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_often, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(taken, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_everything_passes),
        cmocka_unit_test(a_burst_passes_at_once_and_then_one_each_interval),
        cmocka_unit_test(over_a_long_time_no_more_pass_than_the_rate),
        cmocka_unit_test(threads_take_no_token_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
