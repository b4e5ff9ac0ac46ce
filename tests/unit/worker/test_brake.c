/* SPDX-License-Identifier: MIT */
#include "worker/brake.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LONGEST UINT32_MAX /* the random number that makes a wait its longest */
#define S CLOCK_US_PER_S

static void count(struct brake *b, size_t stored, size_t refused)
{
    for (size_t i = 0; i < stored; i++) {
        brake_count(b, BRAKE_STORED);
    }
    for (size_t i = 0; i < refused; i++) {
        brake_count(b, BRAKE_REFUSED);
    }
}

static void put_on(struct brake *b)
{
    brake_init(b);
    count(b, 0, 101);
    assert_int_equal(brake_settle(b, LONGEST, 100), BRAKE_PUT_ON);
    assert_true(brake_is_on(b));
}

static void try_one(struct brake *b, int64_t now_us)
{
    assert_true(brake_probe_due(b, now_us));
    brake_begin_probe(b);
    assert_int_equal(b->state, BRAKE_PROBING);
    assert_true(brake_is_on(b));
    assert_false(brake_probe_due(b, now_us));
}

static void half_of_the_window_is_not_yet_too_much(void **state)
{
    struct brake b;

    (void)state;
    brake_init(&b);
    count(&b, 0, 100);
    assert_int_equal(brake_settle(&b, 0, 1), BRAKE_SAME);
    assert_false(brake_is_on(&b));
    assert_false(brake_probe_due(&b, 1));
    brake_count(&b, BRAKE_REFUSED);
    assert_int_equal(brake_settle(&b, 0, 1), BRAKE_PUT_ON);
    assert_int_equal(brake_settle(&b, 0, 1), BRAKE_SAME);
}

static void only_the_last_200_count(void **state)
{
    struct brake b;

    (void)state;
    brake_init(&b);
    count(&b, 0, 100);
    count(&b, 200, 0);
    assert_int_equal(b.refused, 0);
    for (size_t i = 0; i < 1000; i++) {
        brake_count(&b, i % 2 == 0 ? BRAKE_REFUSED : BRAKE_STORED);
        assert_int_equal(brake_settle(&b, 0, 1), BRAKE_SAME);
    }
    assert_int_equal(b.refused, 100);
}

static void the_order_within_a_batch_does_not_matter_before_it_has_ended(void **state)
{
    struct brake b;

    (void)state;
    brake_init(&b);
    count(&b, 0, 150);
    count(&b, 150, 0);
    assert_int_equal(brake_settle(&b, 0, 1), BRAKE_SAME);
}

static void while_it_is_on_one_event_goes_alone_after_its_wait(void **state)
{
    struct brake b;

    (void)state;
    put_on(&b);
    assert_int_equal(b.since_us, 100);
    assert_false(brake_probe_due(&b, 100 + S - 1));
    try_one(&b, 100 + S);
}

static void a_stored_one_releases_it_and_the_past_is_forgotten(void **state)
{
    struct brake b;

    (void)state;
    put_on(&b);
    try_one(&b, 100 + S);
    assert_int_equal(brake_settle_probe(&b, true, false, LONGEST, 200 + S), BRAKE_RELEASED);
    assert_false(brake_is_on(&b));
    count(&b, 0, 100);
    assert_int_equal(brake_settle(&b, LONGEST, 300 + S), BRAKE_SAME);
}

static void each_refused_one_lengthens_the_wait_up_to_30_s(void **state)
{
    static const int64_t seconds[] = {2, 4, 8, 16, 30, 30};
    int64_t now = 100 + S;
    struct brake b;

    (void)state;
    put_on(&b);
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        try_one(&b, now);
        assert_int_equal(brake_settle_probe(&b, false, true, LONGEST, now), BRAKE_SAME);
        assert_int_equal(b.next_probe_us, now + seconds[i] * S);
        now = b.next_probe_us;
    }
    assert_int_equal(b.since_us, 100);
}

static void a_retry_that_is_refused_again_does_not_count_once_more(void **state)
{
    struct brake b;

    (void)state;
    brake_init(&b);
    for (size_t i = 0; i < 1000; i++) {
        brake_count(&b, BRAKE_REFUSED_AGAIN);
    }
    assert_int_equal(brake_settle(&b, LONGEST, 1), BRAKE_SAME);
    assert_int_equal(b.refused, 0);
}

static void one_without_a_verdict_is_tried_again_at_once(void **state)
{
    struct brake b;

    (void)state;
    put_on(&b);
    try_one(&b, 100 + S);
    assert_int_equal(brake_settle_probe(&b, false, false, LONGEST, 200 + S), BRAKE_SAME);
    try_one(&b, 200 + S);
}

static void what_was_no_probe_neither_releases_nor_lengthens(void **state)
{
    struct brake b;

    (void)state;
    put_on(&b);
    count(&b, 500, 0);
    assert_int_equal(brake_settle(&b, LONGEST, 200), BRAKE_SAME);
    assert_int_equal(brake_settle_probe(&b, true, false, LONGEST, 200), BRAKE_SAME);
    assert_int_equal(b.state, BRAKE_ON);
    assert_int_equal(b.next_probe_us, 100 + S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_window_is_not_yet_too_much),
        cmocka_unit_test(only_the_last_200_count),
        cmocka_unit_test(the_order_within_a_batch_does_not_matter_before_it_has_ended),
        cmocka_unit_test(while_it_is_on_one_event_goes_alone_after_its_wait),
        cmocka_unit_test(a_stored_one_releases_it_and_the_past_is_forgotten),
        cmocka_unit_test(each_refused_one_lengthens_the_wait_up_to_30_s),
        cmocka_unit_test(a_retry_that_is_refused_again_does_not_count_once_more),
        cmocka_unit_test(one_without_a_verdict_is_tried_again_at_once),
        cmocka_unit_test(what_was_no_probe_neither_releases_nor_lengthens),
    };

    return cmocka_run_group_tests_name("brake", tests, NULL, NULL);
}
