/* SPDX-License-Identifier: MIT */
#include "gateway/http/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LOOK_US (100 * CLOCK_US_PER_MS)
#define BEGUN_US (1000 * CLOCK_US_PER_S)

/* Samples a sender ten times a second that sends this many bytes a second, at these intervals. Returns after
 * how many ms it is too slow, or -1 if not within 5 s. */
static int found_after_ms(struct pace *pace, uint64_t bytes_per_s, int64_t every_us)
{
    for (int64_t t = 0; t <= 5 * CLOCK_US_PER_S; t += LOOK_US) {
        int64_t quiet = t % every_us;
        struct pace_sight sight = {
            .now_us = BEGUN_US + t,
            .quiet_us = quiet,
            .bytes = 1 + bytes_per_s * (uint64_t)(t - quiet) / CLOCK_US_PER_S,
        };

        if (pace_is_too_slow(pace, &sight)) {
            return (int)(t / CLOCK_US_PER_MS);
        }
    }
    return -1;
}

static void a_silent_new_connection_is_too_slow_at_once(void **state)
{
    struct pace one = {0}, other = {0};

    (void)state;
    assert_false(
        pace_is_too_slow(&one, &(struct pace_sight){.now_us = BEGUN_US, .quiet_us = PACE_QUIET_US - 1}));
    assert_true(pace_is_too_slow(
        &one, &(struct pace_sight){.now_us = BEGUN_US + LOOK_US, .quiet_us = PACE_QUIET_US}));
    assert_true(
        pace_is_too_slow(&other, &(struct pace_sight){.now_us = BEGUN_US, .quiet_us = PACE_QUIET_US}));
}

static void a_few_bytes_a_second_are_too_slow_and_some_kilobytes_are_not(void **state)
{
    struct pace dribbler = {0}, steady = {0}, halting = {0};

    (void)state;
    assert_int_equal(found_after_ms(&dribbler, 2, CLOCK_US_PER_S / 2), 800);
    assert_int_equal(found_after_ms(&steady, PACE_BYTES_PER_S + 100, LOOK_US), -1);
    assert_int_equal(found_after_ms(&halting, 1000 * 1000, 2 * CLOCK_US_PER_S), 800);
}

static void a_sender_with_unread_bytes_is_not_too_slow(void **state)
{
    struct pace_sight sight = {.now_us = BEGUN_US, .quiet_us = 3 * CLOCK_US_PER_S, .bytes = 100000};
    struct pace pace = {0};

    (void)state;
    sight.unread = true;
    for (int i = 0; i < 30; i++, sight.now_us += LOOK_US) {
        assert_false(pace_is_too_slow(&pace, &sight));
    }
    sight.unread = false;
    for (int i = 0; i < 7; i++, sight.now_us += LOOK_US) {
        assert_false(pace_is_too_slow(&pace, &sight));
    }
    assert_true(pace_is_too_slow(&pace, &sight));
}

static void samples_from_an_earlier_crowd_do_not_count(void **state)
{
    struct pace pace = {0};

    (void)state;
    assert_int_equal(found_after_ms(&pace, 2, CLOCK_US_PER_S / 2), 800);
    for (int i = 0; i < 8; i++) {
        assert_false(pace_is_too_slow(&pace, &(struct pace_sight){
                                                 .now_us = BEGUN_US + 60 * CLOCK_US_PER_S + i * LOOK_US,
                                                 .quiet_us = i % 5 * LOOK_US,
                                                 .bytes = 100,
                                             }));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_new_connection_is_too_slow_at_once),
        cmocka_unit_test(a_few_bytes_a_second_are_too_slow_and_some_kilobytes_are_not),
        cmocka_unit_test(a_sender_with_unread_bytes_is_not_too_slow),
        cmocka_unit_test(samples_from_an_earlier_crowd_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
