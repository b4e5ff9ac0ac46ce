/* SPDX-License-Identifier: MIT */
#include "worker/clock_ahead.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/metric_row.h"

#include "make_event.h"

#define NOON_US (12 * 3600 * CLOCK_US_PER_S)

static double counted(void)
{
    return metric_row("sluice_worker_clock_ahead_total");
}

static void only_what_was_received_more_than_a_second_from_now_is_counted(void **state)
{
    struct event *event = make_event("a", "1", 1);

    (void)state;
    event->envelope.received_us = NOON_US + CLOCK_US_PER_S;
    clock_ahead_delivered(event, NOON_US);
    clock_ahead_delivered(event, NOON_US + CLOCK_US_PER_S);
    assert_true(counted() == 0);
    clock_ahead_delivered(event, NOON_US - 1);
    assert_true(counted() == 1);
    clock_ahead_delivered(event, NOON_US - 1);
    assert_true(counted() == 2);
    event->form = EVENT_MALFORMED;
    clock_ahead_delivered(event, NOON_US - 1);
    event->form = EVENT_NEWER;
    clock_ahead_delivered(event, NOON_US - 1);
    assert_true(counted() == 2);
    event_free(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_received_more_than_a_second_from_now_is_counted),
    };

    clock_ahead_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
