/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/overview/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct history history;
static struct overview overview;

static void add(int64_t at_s, double accepted)
{
    overview.at_us = at_s * CLOCK_US_PER_S;
    overview.totals.generation = 7;
    overview.totals.accepted = accepted;
    history_add(&history, &overview);
}

static int begin(void **state)
{
    (void)state;
    memset(&history, 0, sizeof history);
    memset(&overview, 0, sizeof overview);
    return 0;
}

static void a_full_history_forgets_the_oldest(void **state)
{
    (void)state;
    for (int i = 0; i < HISTORY_MAX + 3; i++) {
        add(i, 0);
    }
    assert_int_equal(history.count, HISTORY_MAX);
    assert_int_equal(history_at(&history, 0)->at_us, 3 * CLOCK_US_PER_S);
    assert_int_equal(history_at(&history, HISTORY_MAX - 1)->at_us, (HISTORY_MAX + 2) * CLOCK_US_PER_S);
}

static void the_oldest_reading_of_an_age_is_found(void **state)
{
    (void)state;
    assert_null(history_since(&history, CLOCK_US_PER_S));
    add(10, 0);
    assert_null(history_since(&history, CLOCK_US_PER_S));
    add(20, 0);
    add(30, 0);
    assert_null(history_since(&history, 9 * CLOCK_US_PER_S));
    assert_int_equal(history_since(&history, 10 * CLOCK_US_PER_S)->at_us, 20 * CLOCK_US_PER_S);
    assert_int_equal(history_since(&history, 99 * CLOCK_US_PER_S)->at_us, 10 * CLOCK_US_PER_S);
}

static void rates_are_known_between_two_readings_of_the_same_processes(void **state)
{
    struct reading before, now;

    (void)state;
    add(10, 100);
    overview.totals.stored = 30;
    add(14, 120);
    before = *history_at(&history, 0);
    now = *history_at(&history, 1);
    assert_true(history_rates(&before, &now).accepted == 5);
    assert_true(history_rates(&before, &now).stored == 7.5);
    assert_true(history_rates(NULL, &now).accepted < 0);
    assert_true(history_rates(&now, &now).accepted < 0);
    now.generation = 8; /* one has started anew */
    assert_true(history_rates(&before, &now).accepted < 0);
    before.generation = now.generation = 0; /* nobody answered */
    assert_true(history_rates(&before, &now).refused < 0);
}

static void the_queue_is_unknown_while_it_is_missing(void **state)
{
    (void)state;
    add(1, 0);
    overview.depths = (struct queue_depths){.queues = {{.name = TOPOLOGY_INGEST, .ready = 4}}, .count = 1};
    add(2, 0);
    overview.depths.queues[0].there = true;
    add(3, 0);
    assert_int_equal(history_at(&history, 0)->queue, OVERVIEW_UNKNOWN);
    assert_int_equal(history_at(&history, 1)->queue, OVERVIEW_UNKNOWN);
    assert_int_equal(history_at(&history, 2)->queue, 4);
}

static void several_ingest_queues_count_together_and_only_when_all_are_there(void **state)
{
    (void)state;
    overview.depths = (struct queue_depths){.queues = {{.name = TOPOLOGY_INGEST, .there = true, .ready = 4},
                                                       {.name = TOPOLOGY_INGEST ".1", .ready = 0},
                                                       {.name = TOPOLOGY_DEAD, .there = true, .ready = 9}},
                                            .count = 3};
    add(1, 0);
    overview.depths.queues[1].there = true;
    overview.depths.queues[1].ready = 5;
    add(2, 0);
    assert_int_equal(history_at(&history, 0)->queue, OVERVIEW_UNKNOWN);
    assert_int_equal(history_at(&history, 1)->queue, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_history_forgets_the_oldest, begin),
        cmocka_unit_test_setup(the_oldest_reading_of_an_age_is_found, begin),
        cmocka_unit_test_setup(rates_are_known_between_two_readings_of_the_same_processes, begin),
        cmocka_unit_test_setup(the_queue_is_unknown_while_it_is_missing, begin),
        cmocka_unit_test_setup(several_ingest_queues_count_together_and_only_when_all_are_there, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
