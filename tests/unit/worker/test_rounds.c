/* SPDX-License-Identifier: MIT */
#include "worker/rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TIMEOUT "57014"
#define POISON "23514"

static struct rounds fresh(void)
{
    return (struct rounds){.most = SIZE_MAX, .together = true};
}

static void a_pipeline_without_a_failure_changes_nothing(void **state)
{
    const struct pipeline_result good = {.stored = 500};
    struct rounds r = fresh();

    (void)state;
    assert_false(rounds_must_end(&r, &good));
    assert_int_equal(r.most, SIZE_MAX);
    assert_true(r.together);
}

static void after_a_failure_transactions_are_small_and_events_have_a_statement_each(void **state)
{
    const struct pipeline_result one = {
        .stored = 10, .strikes = 1, .verdict = VERDICT_POISON, .sqlstate = POISON};
    struct rounds r = fresh();

    (void)state;
    assert_false(rounds_must_end(&r, &one));
    assert_int_equal(r.most, ROUNDS_WARY_EVENTS);
    assert_false(r.together);
    for (int pipelines = 2; pipelines < 7; pipelines++) {
        assert_false(rounds_must_end(&r, &one));
        assert_int_equal(r.most, ROUNDS_WARY_EVENTS);
    }
    assert_false(rounds_must_end(&r, &one));
    assert_int_equal(r.most, 1);
}

static void a_failure_at_commit_names_no_event_so_each_is_alone(void **state)
{
    const struct pipeline_result at_commit = {
        .stored = 1, .strikes = 1, .at_commit = true, .sqlstate = "40001"};
    struct rounds r = fresh();

    (void)state;
    assert_false(rounds_must_end(&r, &at_commit));
    assert_int_equal(r.most, 1);
}

static void a_timeout_does_not_make_transactions_that_each_could_wait_as_long_and_two_end_the_batch(
    void **state)
{
    const struct pipeline_result late = {.strikes = 1, .timeout = true, .stored = 1, .sqlstate = TIMEOUT};
    struct rounds r = fresh();

    (void)state;
    assert_false(rounds_must_end(&r, &late));
    assert_int_equal(r.most, SIZE_MAX);
    assert_true(rounds_must_end(&r, &late));
}

static void a_problem_of_the_servers_ends_the_batch(void **state)
{
    const struct pipeline_result full = {.strikes = 1, .servers = true, .stored = 1, .sqlstate = "53100"};
    struct rounds r = fresh();

    (void)state;
    assert_true(rounds_must_end(&r, &full));
}

static void two_unclear_failures_in_a_row_with_nothing_stored_end_the_batch(void **state)
{
    struct pipeline_result unclear = {.strikes = 1, .verdict = VERDICT_UNCLEAR, .sqlstate = "XX000"};
    const struct pipeline_result clear = {.strikes = 1, .verdict = VERDICT_LATER, .sqlstate = "23503"};
    struct rounds r = fresh();

    (void)state;
    assert_false(rounds_must_end(&r, &unclear));
    assert_false(rounds_must_end(&r, &clear));
    assert_false(rounds_must_end(&r, &unclear));
    unclear.stored = 1;
    assert_false(rounds_must_end(&r, &unclear));
    unclear.stored = 0;
    assert_false(rounds_must_end(&r, &unclear));
    assert_true(rounds_must_end(&r, &unclear));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipeline_without_a_failure_changes_nothing),
        cmocka_unit_test(after_a_failure_transactions_are_small_and_events_have_a_statement_each),
        cmocka_unit_test(a_failure_at_commit_names_no_event_so_each_is_alone),
        cmocka_unit_test(
            a_timeout_does_not_make_transactions_that_each_could_wait_as_long_and_two_end_the_batch),
        cmocka_unit_test(a_problem_of_the_servers_ends_the_batch),
        cmocka_unit_test(two_unclear_failures_in_a_row_with_nothing_stored_end_the_batch),
    };

    return cmocka_run_group_tests_name("rounds", tests, NULL, NULL);
}
