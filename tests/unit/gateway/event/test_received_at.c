/* SPDX-License-Identifier: MIT */
#include "gateway/event/received_at.h"

#include "clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define THREADS 4
#define CALLS 20000
#define NOW (INT64_C(1763900000) * CLOCK_US_PER_S)

static void the_time_is_the_clocks_or_just_after_the_last_one(void **state)
{
    static const struct {
        int64_t last, now, expected;
        bool set_back;
    } cases[] = {
        {0, NOW, NOW, false},
        {NOW, NOW + 1, NOW + 1, false},
        {NOW, NOW, NOW + 1, false},
        {NOW + 1, NOW, NOW + 2, false},
        {NOW + RECEIVED_AT_AHEAD_MAX_US, NOW, NOW + RECEIVED_AT_AHEAD_MAX_US + 1, false},
        {NOW + RECEIVED_AT_AHEAD_MAX_US + 1, NOW, NOW, true},
        {NOW + 3600 * CLOCK_US_PER_S, NOW, NOW, true}, /* the clock was wrong and is corrected */
        {NOW, NOW + 3600 * CLOCK_US_PER_S, NOW + 3600 * CLOCK_US_PER_S,
         false}, /* a forward jump looks like time that has passed */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool set_back = !cases[i].set_back;

        assert_int_equal(received_at_follow(cases[i].last, cases[i].now, &set_back), cases[i].expected);
        assert_int_equal(set_back, cases[i].set_back);
    }
}

static int64_t seen[THREADS][CALLS];

static void *call_often(void *argument)
{
    int64_t *mine = argument;

    for (int i = 0; i < CALLS; i++) {
        mine[i] = received_at_take(clock_wall_us());
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static void times_strictly_increase_unless_the_clock_is_set_back(void **state)
{
    pthread_t threads[THREADS];
    int64_t *all = &seen[0][0];

    (void)state;
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, call_often, seen[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
        for (int i = 1; i < CALLS; i++) {
            assert_true(seen[t][i - 1] < seen[t][i]);
        }
    }
    qsort(all, (size_t)THREADS * CALLS, sizeof *all, compare);
    for (int i = 1; i < THREADS * CALLS; i++) {
        assert_true(all[i - 1] < all[i]);
    }
}

static void after_a_clock_was_set_back_times_follow_it_again(void **state)
{
    int64_t now = clock_wall_us(), ahead;

    (void)state;
    ahead = received_at_take(now + 3600 * CLOCK_US_PER_S);
    assert_int_equal(ahead, now + 3600 * CLOCK_US_PER_S);
    assert_int_equal(received_at_take(now), now);
    assert_int_equal(received_at_take(now), now + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_is_the_clocks_or_just_after_the_last_one),
        cmocka_unit_test(times_strictly_increase_unless_the_clock_is_set_back),
        cmocka_unit_test(after_a_clock_was_set_back_times_follow_it_again),
    };

    received_at_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
