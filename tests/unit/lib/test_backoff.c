/* SPDX-License-Identifier: MIT */
#include "backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_longest_wait_doubles_up_to_the_cap(void **state)
{
    static const int64_t expected[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct backoff b = {.base_us = 100, .cap_us = 1000};

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(backoff_next(&b, UINT32_MAX), expected[i]);
    }
    assert_int_equal(b.attempt, 7);
}

static void the_wait_is_uniform_between_nothing_and_the_longest(void **state)
{
    struct backoff b = {.base_us = 1000, .cap_us = 1000};

    (void)state;
    assert_int_equal(backoff_next(&b, 0), 0);
    assert_in_range(backoff_next(&b, UINT32_MAX / 2), 499, 500);
    assert_in_range(backoff_next(&b, UINT32_MAX / 4), 249, 250);
    assert_int_equal(backoff_next(&b, UINT32_MAX), 1000);
}

static void a_success_starts_over(void **state)
{
    struct backoff b = {.base_us = 100, .cap_us = 1000};

    (void)state;
    (void)backoff_next(&b, 0);
    (void)backoff_next(&b, 0);
    backoff_reset(&b);
    assert_int_equal(backoff_next(&b, UINT32_MAX), 100);
}

static void a_cap_near_the_largest_number_does_not_overflow(void **state)
{
    struct backoff b = {.base_us = 3, .cap_us = INT64_C(1) << 62};
    int64_t last = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        int64_t wait = backoff_next(&b, UINT32_MAX);

        assert_true(wait >= last && wait <= b.cap_us);
        last = wait;
    }
    assert_int_equal(last, b.cap_us);
}

static void random_numbers_differ(void **state)
{
    uint32_t first = backoff_random();
    int same = 0;

    (void)state;
    for (int i = 0; i < 10; i++) {
        same += backoff_random() == first;
    }
    assert_true(same < 10);
}

static void a_seed_repeats_the_numbers_and_another_gives_others(void **state)
{
    uint32_t first, second;

    (void)state;
    backoff_seed(1);
    first = backoff_random();
    second = backoff_random();
    assert_int_not_equal(first, second);
    backoff_seed(1);
    assert_int_equal(backoff_random(), first);
    assert_int_equal(backoff_random(), second);
    backoff_seed(2);
    assert_int_not_equal(backoff_random(), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_wait_doubles_up_to_the_cap),
        cmocka_unit_test(the_wait_is_uniform_between_nothing_and_the_longest),
        cmocka_unit_test(a_success_starts_over),
        cmocka_unit_test(a_cap_near_the_largest_number_does_not_overflow),
        cmocka_unit_test(random_numbers_differ),
        cmocka_unit_test(a_seed_repeats_the_numbers_and_another_gives_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
