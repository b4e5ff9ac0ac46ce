/* SPDX-License-Identifier: MIT */
#include "worker/latency.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/metric_row.h"

#include "make_event.h"

#define HOUR_US (3600 * CLOCK_US_PER_S)

static void only_the_first_delivery_tells_how_long_an_event_was_queued(void **state)
{
    struct event *event = make_event("a", "1", 1);

    (void)state;
    event->envelope.received_us = HOUR_US;
    latency_delivered(event, HOUR_US + 250000);
    assert_true(metric_row("sluice_worker_queue_wait_seconds_count") == 1);
    assert_true(metric_row("sluice_worker_queue_wait_seconds_sum") == 0.25);
    assert_true(metric_row("sluice_worker_queue_wait_seconds_bucket{le=\"0.1\"}") == 0);
    assert_true(metric_row("sluice_worker_queue_wait_seconds_bucket{le=\"0.25\"}") == 1);
    event->envelope.attempt = 1;
    latency_delivered(event, 2 * HOUR_US);
    event->envelope.attempt = 0;
    event->delivery->redelivered = true;
    latency_delivered(event, 2 * HOUR_US);
    event->delivery->redelivered = false;
    event->form = EVENT_MALFORMED;
    latency_delivered(event, 2 * HOUR_US);
    event->form = EVENT_NEWER;
    latency_delivered(event, 2 * HOUR_US);
    event->form = EVENT_READABLE;
    event->envelope.keep = ENVELOPE_KEEP_AGAIN;
    latency_delivered(event, 2 * HOUR_US);
    assert_true(metric_row("sluice_worker_queue_wait_seconds_count") == 1);
    event_free(event);
}

static void a_batch_tells_its_size_its_time_and_the_age_of_each_new_row(void **state)
{
    static const enum event_state states[] = {EVENT_STORED, EVENT_REPLACED, EVENT_UNCHANGED,
                                              EVENT_DEAD,   EVENT_FAILED,   EVENT_REPLACED};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 6, 100, NULL), ERROR_NONE);
    for (size_t i = 0; i < 6; i++) {
        batch.events[i] = make_event("a", "1", 1);
        batch.events[i]->envelope.received_us = clock_wall_us() - 2 * HOUR_US;
        batch.events[i]->state = states[i];
    }
    batch.count = 6;
    batch.events[5]->envelope.keep = ENVELOPE_KEEP_AGAIN; /* its age is no delay */
    latency_batch(&batch, 1000, 1000 + 40000);
    assert_true(metric_row("sluice_worker_batch_seconds_count") == 1);
    assert_true(metric_row("sluice_worker_batch_seconds_sum") == 0.04);
    assert_true(metric_row("sluice_worker_batch_events_sum") == 6);
    assert_true(metric_row("sluice_worker_batch_events_bucket{le=\"10\"}") == 1);
    assert_true(metric_row("sluice_worker_batch_events_bucket{le=\"5\"}") == 0);
    assert_true(metric_row("sluice_worker_end_to_end_seconds_count") == 2);
    assert_true(metric_row("sluice_worker_end_to_end_seconds_bucket{le=\"3600\"}") == 0);
    assert_true(metric_row("sluice_worker_end_to_end_seconds_bucket{le=\"21600\"}") == 2);
    assert_true(metric_row("sluice_worker_end_to_end_seconds_sum") >= 4 * 3600);
    batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_first_delivery_tells_how_long_an_event_was_queued),
        cmocka_unit_test(a_batch_tells_its_size_its_time_and_the_age_of_each_new_row),
    };

    latency_register();
    return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
