/* SPDX-License-Identifier: MIT */
#include "gateway/event/event_lines.h"

#include "clock.h"
#include "log_messages.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/captured_log.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"

static void pass(const char *const *headers, const char *id, enum outcome outcome, int64_t took_us)
{
    struct request request = make_request("POST", "/orders", headers);
    struct event_id event_id = {.len = strlen(id)};
    struct event_lines lines;

    (void)snprintf(event_id.text, sizeof event_id.text, "%s", id);
    event_lines_begin(&lines, &request, SPAN_LITERAL("default"), &event_id, 17);
    lines.begun_us -= took_us;
    event_lines_end(&lines, outcome);
}

static void pass_many(int count, enum outcome outcome, int64_t took_us)
{
    for (int i = 0; i < count; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "%d", i);
        pass(HEADERS("Host", "h"), id, outcome, took_us);
    }
}

static int set_up(void **state)
{
    int64_t second = clock_monotonic_us() / CLOCK_US_PER_S;

    while (clock_monotonic_us() / CLOCK_US_PER_S == second) { /* so that all of LOG_MESSAGES_FEW is there */
    }
    return capture_begin(state);
}

static int tear_down(void **state)
{
    event_lines_sum_up();
    return capture_end(state);
}

static void with_all_each_event_is_received_and_queued_with_its_trace(void **state)
{
    (void)state;
    log_messages_use(LOG_MESSAGES_ALL);
    pass(HEADERS("traceparent", "00-" TRACE "-b7ad6b7169203331-01"), "a", OUTCOME_QUEUED, 0);
    pass(HEADERS("traceparent", "00-1-2-3"), "b", OUTCOME_QUEUED, 1234567);
    pass(HEADERS("traceparent", "00-" TRACE "-b7ad6b7169203331-01", "traceparent", "x"), "c", OUTCOME_NACKED,
         0);
    event_lines_sum_up();
    assert_string_equal(captured_lines(),
                        "info received source=default id=a method=POST path=/orders bytes=17 trace_id=" TRACE
                        "\n"
                        "info queued source=default id=a trace_id=" TRACE "\n"
                        "info received source=default id=b method=POST path=/orders bytes=17\n"
                        "info queued source=default id=b slow_ms=1234\n"
                        "info received source=default id=c method=POST path=/orders bytes=17\n"
                        "info not-queued source=default id=c reason=nacked\n");
}

static void with_batches_ten_a_second_have_lines_and_a_summary_counts_the_others(void **state)
{
    const char *lines;

    (void)state;
    log_messages_use(LOG_MESSAGES_BATCHES);
    event_lines_sum_up();
    pass_many(100, OUTCOME_QUEUED, 2000);
    pass_many(30, OUTCOME_LOST, 0);
    event_lines_sum_up();
    lines = captured_lines();
    assert_int_equal(captured_count(lines, "info received "), 10);
    assert_int_equal(captured_count(lines, "info queued "), 10);
    assert_int_equal(captured_count(lines, "info not-queued "), 10);
    assert_non_null(strstr(lines, "info summary queued=90 not_queued=30 bytes=1530 slowest_ms=2 of_ms="));
    event_lines_sum_up();
    assert_string_equal(captured_lines(), "");
}

static void slow_events_have_lines_whatever_the_others_have(void **state)
{
    const char *lines;

    (void)state;
    log_messages_use(LOG_MESSAGES_BATCHES);
    pass_many(20, OUTCOME_QUEUED, 0);
    (void)captured_lines();
    pass(HEADERS("Host", "h"), "slow", OUTCOME_QUEUED, LOG_MESSAGES_SLOW_US);
    event_lines_sum_up();
    lines = captured_lines();
    assert_non_null(strstr(lines, "info queued source=default id=slow slow_ms=1000\n"));
    assert_non_null(strstr(lines, "info summary queued=11 not_queued=0 bytes=187 slowest_ms=1000 "));
}

static void with_sampled_the_workers_sample_has_lines(void **state)
{
    const char *lines;
    int in = 0;

    (void)state;
    log_messages_use(LOG_MESSAGES_SAMPLED);
    for (int i = 0; i < 500; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "%d", i);
        in += log_messages_samples(SPAN_LITERAL("default"), span_of(id));
    }
    pass_many(500, OUTCOME_QUEUED, 0);
    event_lines_sum_up();
    lines = captured_lines();
    assert_true(in > 0);
    assert_int_equal(captured_count(lines, "info received "), in);
    assert_int_equal(captured_count(lines, "info queued "), in);
    assert_int_equal(captured_count(lines, "info summary "), 1);
}

static void with_off_only_trouble_has_lines(void **state)
{
    (void)state;
    log_messages_use(LOG_MESSAGES_OFF);
    pass_many(5, OUTCOME_QUEUED, 0);
    pass(HEADERS("Host", "h"), "lost", OUTCOME_LOST, 0);
    event_lines_sum_up();
    assert_string_equal(captured_lines(), "info not-queued source=default id=lost reason=lost\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(with_all_each_event_is_received_and_queued_with_its_trace, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(with_batches_ten_a_second_have_lines_and_a_summary_counts_the_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_events_have_lines_whatever_the_others_have, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_sampled_the_workers_sample_has_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_off_only_trouble_has_lines, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
