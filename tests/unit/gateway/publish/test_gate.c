/* SPDX-License-Identifier: MIT */
#include "gateway/publish/gate.h"

#include "clock.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct gate gate;

static int make_gate(void **state)
{
    struct error error;

    (void)state;
    return gate_init(&gate, &error) == ERROR_NONE ? 0 : -1;
}

static int free_gate(void **state)
{
    (void)state;
    gate_set(&gate, GATE_SHUT(OUTCOME_AWAY));
    gate_free(&gate);
    return 0;
}

static struct pending *submit(void)
{
    struct buf properties = {0};
    struct body body = {0};
    struct pending *e = pending_new("webhooks", SPAN_LITERAL("default"), &properties, &body);

    assert_non_null(e);
    gate_submit(&gate, e);
    return e;
}

static void assert_outcome(struct pending *e, enum outcome outcome)
{
    assert_false(pending_is_unanswered(e));
    assert_int_equal(pending_wait(e, clock_monotonic_us()), outcome);
    pending_release(e);
}

static void a_gate_is_shut_until_there_is_a_connection(void **state)
{
    (void)state;
    assert_false(gate_look(&gate).open);
    assert_int_equal(gate_look(&gate).why, OUTCOME_AWAY);
    assert_outcome(submit(), OUTCOME_AWAY);
}

static void an_event_waits_at_an_open_gate_and_is_refused_when_it_shuts(void **state)
{
    struct pending *before, *after;

    (void)state;
    gate_set(&gate, GATE_OPEN);
    assert_true(gate_look(&gate).open);
    before = submit();
    assert_true(pending_is_unanswered(before));
    gate_set(&gate, GATE_SHUT(OUTCOME_BLOCKED));
    after = submit();
    assert_outcome(before, OUTCOME_BLOCKED);
    assert_outcome(after, OUTCOME_BLOCKED);
}

static void an_open_gate_is_slow_when_a_confirm_is_missing_for_more_than_a_second(void **state)
{
    (void)state;
    gate_set(&gate, GATE_OPEN);
    atomic_store(&gate.oldest_us, clock_monotonic_us());
    assert_true(gate_look(&gate).open);
    atomic_store(&gate.oldest_us, clock_monotonic_us() - CLOCK_US_PER_S - 1);
    assert_false(gate_look(&gate).open);
    assert_int_equal(gate_look(&gate).why, OUTCOME_SLOW);
    assert_true(gate_state(&gate).open);
    gate_set(&gate, GATE_SHUT(OUTCOME_BLOCKED));
    assert_int_equal(gate_look(&gate).why, OUTCOME_BLOCKED);
}

static void an_open_gate_where_the_broker_only_refuses_is_a_poor_prospect(void **state)
{
    (void)state;
    gate_set(&gate, GATE_OPEN);
    assert_true(gate_prospect(&gate).open);
    atomic_store(&gate.refused, true);
    assert_false(gate_prospect(&gate).open);
    assert_int_equal(gate_prospect(&gate).why, OUTCOME_NACKED);
    assert_true(gate_look(&gate).open);
    atomic_store(&gate.oldest_us, clock_monotonic_us() - CLOCK_US_PER_S - 1);
    assert_int_equal(gate_prospect(&gate).why, OUTCOME_SLOW);
}

/* Else a prospect that was bad for an instant, when another thread asked, would be reported for good. */
static void what_was_told_is_news_again_when_it_changes_back(void **state)
{
    (void)state;
    assert_false(gate_has_news(&gate));
    gate_set(&gate, GATE_OPEN);
    assert_true(gate_has_news(&gate));
    assert_true(gate_tell(&gate).open);
    assert_false(gate_has_news(&gate));
    atomic_store(&gate.oldest_us, clock_monotonic_us() - CLOCK_US_PER_S - 1);
    assert_int_equal(gate_tell(&gate).why, OUTCOME_SLOW);
    atomic_store(&gate.oldest_us, INT64_MAX);
    assert_true(gate_has_news(&gate));
    assert_true(gate_tell(&gate).open);
    gate_set(&gate, GATE_SHUT(OUTCOME_BLOCKED));
    assert_int_equal(gate_tell(&gate).why, OUTCOME_BLOCKED);
    gate_set(&gate, GATE_SHUT(OUTCOME_AWAY));
    assert_true(gate_has_news(&gate));
}

static void sleep_ends_at_once_for_an_event_that_waits_and_for_a_wake(void **state)
{
    const int64_t begun = clock_monotonic_us();
    struct pollfd wake = {.fd = gate.wake_fd, .events = POLLIN};

    (void)state;
    gate_wake(&gate);
    gate_sleep(&gate, -1, 60 * 1000);
    assert_int_equal(poll(&wake, 1, 0), 0);
    gate_set(&gate, GATE_OPEN);
    pending_release(submit());
    gate_sleep(&gate, -1, 60 * 1000);
    assert_true(clock_monotonic_us() - begun < 30 * CLOCK_US_PER_S);
}

#define GATE_TEST(test) cmocka_unit_test_setup_teardown(test, make_gate, free_gate)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATE_TEST(a_gate_is_shut_until_there_is_a_connection),
        GATE_TEST(an_event_waits_at_an_open_gate_and_is_refused_when_it_shuts),
        GATE_TEST(an_open_gate_is_slow_when_a_confirm_is_missing_for_more_than_a_second),
        GATE_TEST(an_open_gate_where_the_broker_only_refuses_is_a_poor_prospect),
        GATE_TEST(what_was_told_is_news_again_when_it_changes_back),
        GATE_TEST(sleep_ends_at_once_for_an_event_that_waits_and_for_a_wake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
