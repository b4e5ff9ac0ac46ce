/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void assert_prints(int64_t wall_us, const char *expected)
{
    struct buf b = {0};

    clock_append(&b, wall_us);
    assert_string_equal(buf_text(&b), expected);
    buf_free(&b);
}

static void a_time_prints_in_utc_with_microseconds(void **state)
{
    (void)state;
    assert_prints(0, "1970-01-01T00:00:00.000000Z");
    assert_prints(1, "1970-01-01T00:00:00.000001Z");
    assert_prints(INT64_C(1795474981123456), "2026-11-23T23:03:01.123456Z");
    assert_prints(INT64_C(1709164800000000), "2024-02-29T00:00:00.000000Z");
}

static void a_time_before_1970_prints_too(void **state)
{
    (void)state;
    assert_prints(-1, "1969-12-31T23:59:59.999999Z");
    assert_prints(-CLOCK_US_PER_S, "1969-12-31T23:59:59.000000Z");
}

static void the_years_0_to_9999_print_and_others_are_numbers(void **state)
{
    (void)state;
    assert_prints(INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z");
    assert_prints(INT64_C(253402300800000000), "253402300800000000");
    assert_prints(INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z");
    assert_prints(INT64_C(-62167219200000001), "-62167219200000001");
    assert_prints(INT64_MAX, "9223372036854775807");
    assert_prints(INT64_MIN, "-9223372036854775808");
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    int64_t last = clock_monotonic_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_us();

        assert_true(now >= last);
        last = now;
    }
}

static void the_wall_clock_is_the_systems(void **state)
{
    int64_t before = (int64_t)time(NULL);
    int64_t now = clock_wall_us();

    (void)state;
    /* time() may lag behind clock_gettime() by a tick. */
    assert_true(now / CLOCK_US_PER_S >= before && now / CLOCK_US_PER_S <= (int64_t)time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_prints_in_utc_with_microseconds),
        cmocka_unit_test(a_time_before_1970_prints_too),
        cmocka_unit_test(the_years_0_to_9999_print_and_others_are_numbers),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_is_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
