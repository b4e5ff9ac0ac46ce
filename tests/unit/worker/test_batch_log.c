/* SPDX-License-Identifier: MIT */
#include "worker/batch_log.h"

#include "clock.h"
#include "log_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "make_event.h"
#include "tests/unit/captured_log.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define NOW (1000 * CLOCK_US_PER_S)
#define BEGUN (NOW - 35 * CLOCK_US_PER_MS)

static struct batch batch;

static struct event *put(const char *id, enum event_state outcome)
{
    struct event *event = make_event("default", id, 1);

    event->state = outcome;
    event->delivered_us = BEGUN;
    event->envelope.received_us = clock_wall_us();
    batch.events[batch.count++] = event;
    return event;
}

static void put_many(int count)
{
    for (int i = 0; i < count; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "%d", i);
        (void)put(id, EVENT_STORED);
    }
}

/* Logs the batch, frees its events and returns the lines. */
static const char *log_it(enum log_messages mode)
{
    log_messages_use(mode);
    batch_log(&batch, BEGUN, NOW);
    for (size_t i = 0; i < batch.count; i++) {
        event_free(batch.events[i]);
    }
    batch.count = 0;
    return captured_lines();
}

/* Waits for the beginning of a second, so that all of LOG_MESSAGES_FEW is there. */
static void begin_second(void)
{
    int64_t second = clock_monotonic_us() / CLOCK_US_PER_S;

    while (clock_monotonic_us() / CLOCK_US_PER_S == second) {
    }
}

static int set_up(void **state)
{
    assert_int_equal(batch_init(&batch, 1000, 100000, NULL), ERROR_NONE);
    return capture_begin(state);
}

static int tear_down(void **state)
{
    batch_log_sum_up(INT64_MAX);
    batch_free(&batch);
    return capture_end(state);
}

static void with_all_each_event_has_a_line_with_its_trace(void **state)
{
    (void)state;
    put("a", EVENT_STORED)->envelope.traceparent = SPAN_LITERAL("00-" TRACE "-b7ad6b7169203331-01");
    (void)put("b", EVENT_REPLACED);
    (void)put("c", EVENT_UNCHANGED);
    (void)put("d", EVENT_FAILED);
    (void)put("e", EVENT_WAITING);
    assert_string_equal(log_it(LOG_MESSAGES_ALL), "info stored source=default id=a trace_id=" TRACE "\n"
                                                  "info replaced source=default id=b\n"
                                                  "info unchanged source=default id=c\n");
}

static void a_slow_event_shows_how_long_it_took(void **state)
{
    (void)state;
    put("a", EVENT_STORED)->delivered_us = NOW - 1234 * CLOCK_US_PER_MS;
    assert_string_equal(log_it(LOG_MESSAGES_ALL), "info stored source=default id=a slow_ms=1234\n");
}

static void with_batches_a_few_events_have_lines_and_no_batch_has(void **state)
{
    (void)state;
    begin_second();
    put_many(LOG_MESSAGES_FEW);
    assert_int_equal(captured_count(log_it(LOG_MESSAGES_BATCHES), "info stored "), LOG_MESSAGES_FEW);
    assert_string_equal(buf_text(&captured) + captured.len - 5, "id=9\n");
}

static void with_batches_more_events_are_one_line_with_counts_and_times(void **state)
{
    const char *lines;

    (void)state;
    begin_second();
    put_many(LOG_MESSAGES_FEW);
    (void)put("r", EVENT_REPLACED);
    put("u", EVENT_UNCHANGED)->envelope.received_us -= 5 * CLOCK_US_PER_S;
    lines = log_it(LOG_MESSAGES_BATCHES);
    assert_non_null(strstr(lines,
                           "info batch batches=1 events=12 stored=10 replaced=1 unchanged=1 unlogged=12 "
                           "ms=35 oldest_ms=50"));
    assert_int_equal(captured_count(lines, "\n"), 1);
}

static void with_batches_slow_and_troubled_events_have_lines_too(void **state)
{
    const char *lines;

    (void)state;
    begin_second();
    put_many(20);
    put("slow", EVENT_STORED)->delivered_us = NOW - LOG_MESSAGES_SLOW_US;
    put("dead", EVENT_DEAD)->envelope.traceparent = SPAN_LITERAL("00-" TRACE "-b7ad6b7169203331-01");
    lines = log_it(LOG_MESSAGES_BATCHES);
    assert_non_null(strstr(lines, "info stored source=default id=slow slow_ms=1000\n"));
    assert_non_null(strstr(lines, "warning dead source=default id=dead verdict=transient sqlstate=\"\" "
                                  "trace_id=" TRACE "\n"));
    assert_non_null(strstr(lines, " events=21 stored=21 replaced=0 unchanged=0 unlogged=20 "));
    assert_int_equal(captured_count(lines, "\n"), 3);
}

static void when_all_events_are_slow_ten_a_second_have_lines(void **state)
{
    const char *lines;

    (void)state;
    begin_second();
    put_many(50);
    for (size_t i = 0; i < batch.count; i++) {
        batch.events[i]->delivered_us = 0;
    }
    lines = log_it(LOG_MESSAGES_BATCHES);
    assert_int_equal(captured_count(lines, "info stored "), LOG_MESSAGES_FEW);
    assert_non_null(strstr(lines, " events=50 stored=50 replaced=0 unchanged=0 unlogged=40 "));
}

static void with_sampled_the_sample_has_lines_and_the_rest_is_summed_up_each_second(void **state)
{
    const char *lines;
    int sampled = 0;

    (void)state;
    for (int batches = 0; batches < 2; batches++) {
        put_many(500);
        for (size_t i = 0; i < batch.count; i++) {
            sampled += log_messages_samples(batch.events[i]->envelope.source, batch.events[i]->envelope.id);
        }
        (void)log_it(LOG_MESSAGES_SAMPLED);
        sampled -= captured_count(buf_text(&captured), "info stored ");
        assert_null(strstr(buf_text(&captured), "summary"));
    }
    assert_int_equal(sampled, 0);
    batch_log_sum_up(NOW);
    lines = captured_lines();
    assert_non_null(strstr(lines, "info summary batches=2 events=1000 stored=1000 replaced=0 unchanged=0 "));
    assert_int_equal(captured_count(lines, "\n"), 1);
    put_many(500);
    (void)log_it(LOG_MESSAGES_SAMPLED);
    batch_log_sum_up(NOW + CLOCK_US_PER_S - 1);
    assert_string_equal(captured_lines(), "");
    batch_log_sum_up(NOW + CLOCK_US_PER_S);
    assert_non_null(strstr(captured_lines(), "info summary batches=1 events=500 "));
    batch_log_sum_up(NOW + 2 * CLOCK_US_PER_S);
    assert_string_equal(captured_lines(), "");
}

static void with_off_only_trouble_has_lines(void **state)
{
    (void)state;
    begin_second();
    put_many(5);
    (void)put("dead", EVENT_DEAD);
    assert_string_equal(log_it(LOG_MESSAGES_OFF),
                        "warning dead source=default id=dead verdict=transient sqlstate=\"\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(with_all_each_event_has_a_line_with_its_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_event_shows_how_long_it_took, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_batches_a_few_events_have_lines_and_no_batch_has, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(with_batches_more_events_are_one_line_with_counts_and_times, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(with_batches_slow_and_troubled_events_have_lines_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(when_all_events_are_slow_ten_a_second_have_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            with_sampled_the_sample_has_lines_and_the_rest_is_summed_up_each_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_off_only_trouble_has_lines, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
