/* SPDX-License-Identifier: MIT */
#include "worker/place.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOLD_US (600 * CLOCK_US_PER_S)

static struct place begun(void)
{
    struct place p;

    place_init(&p, HOLD_US, 0);
    return p;
}

static struct place held(void)
{
    struct place p = begun();

    place_opened(&p);
    return p;
}

static void a_worker_tries_at_once_when_it_begins(void **state)
{
    struct place p = begun();

    (void)state;
    assert_int_equal(p.lack, PLACE_FIRST);
    assert_true(place_may_open(&p, 0));
}

static void a_refusal_waits_from_half_a_second_to_30_s_and_is_news_once(void **state)
{
    struct place p = begun();
    int64_t now = 0;

    (void)state;
    assert_true(place_refused(&p, 0, UINT32_MAX, now));
    assert_int_equal(p.lack, PLACE_TAKEN);
    assert_int_equal(p.next_open_us, 500 * CLOCK_US_PER_MS);
    assert_false(place_may_open(&p, now));
    for (int i = 0; i < 20; i++) {
        now = p.next_open_us;
        assert_true(place_may_open(&p, now));
        assert_false(place_refused(&p, 0, UINT32_MAX, now));
        assert_in_range(p.next_open_us - now, 500 * CLOCK_US_PER_MS, 30 * CLOCK_US_PER_S);
    }
    assert_int_equal(p.next_open_us - now, 30 * CLOCK_US_PER_S);
}

static void a_refusal_of_a_further_connection_is_no_standby(void **state)
{
    struct place p = held();

    (void)state;
    assert_false(place_refused(&p, 1, UINT32_MAX, 0));
    assert_int_equal(p.lack, PLACE_HELD);
    assert_false(place_may_open(&p, 0));
    assert_false(place_release_due(&p, INT64_MAX));
}

static void a_database_away_is_tried_again_within_4_s(void **state)
{
    struct place p = held();

    (void)state;
    assert_int_equal(place_failed(&p, 0, PLACE_DATABASE, UINT32_MAX, 0), 200 * CLOCK_US_PER_MS);
    assert_int_equal(p.lack, PLACE_DATABASE);
    for (int i = 0; i < 20; i++) {
        assert_in_range(place_failed(&p, 0, PLACE_DATABASE, UINT32_MAX, 0), 1, 4 * CLOCK_US_PER_S);
    }
    (void)place_failed(&p, 0, PLACE_REPAIR, 0, 0);
    assert_int_equal(p.lack, PLACE_REPAIR);
    (void)place_failed(&p, 0, PLACE_UNSYNCED, 0, 0);
    assert_int_equal(p.lack, PLACE_UNSYNCED);
}

static void losing_one_of_several_connections_lacks_nothing(void **state)
{
    struct place p = held();

    (void)state;
    (void)place_failed(&p, 1, PLACE_DATABASE, 0, 0);
    assert_int_equal(p.lack, PLACE_HELD);
}

static void messages_are_held_while_the_database_is_away_and_released_past_the_hold(void **state)
{
    struct place p = held();

    (void)state;
    (void)place_failed(&p, 0, PLACE_DATABASE, 0, 1000);
    (void)place_failed(&p, 0, PLACE_DATABASE, 0, HOLD_US); /* another failure doesn't restart the hold */
    assert_false(place_release_due(&p, 1000 + HOLD_US - 1));
    assert_true(place_release_due(&p, 1000 + HOLD_US));
    place_opened(&p);
    assert_false(place_release_due(&p, INT64_MAX));
}

static void messages_are_released_within_5_s_when_others_hold_the_places(void **state)
{
    struct place p = held();

    (void)state;
    (void)place_refused(&p, 0, 0, 0);
    assert_false(place_release_due(&p, 5 * CLOCK_US_PER_S - 1));
    assert_true(place_release_due(&p, 5 * CLOCK_US_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_tries_at_once_when_it_begins),
        cmocka_unit_test(a_refusal_waits_from_half_a_second_to_30_s_and_is_news_once),
        cmocka_unit_test(a_refusal_of_a_further_connection_is_no_standby),
        cmocka_unit_test(a_database_away_is_tried_again_within_4_s),
        cmocka_unit_test(losing_one_of_several_connections_lacks_nothing),
        cmocka_unit_test(messages_are_held_while_the_database_is_away_and_released_past_the_hold),
        cmocka_unit_test(messages_are_released_within_5_s_when_others_hold_the_places),
    };

    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
