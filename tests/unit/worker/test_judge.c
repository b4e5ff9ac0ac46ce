/* SPDX-License-Identifier: MIT */
#include "worker/judge.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

#define S CLOCK_US_PER_S

static struct judge judge;
static struct batch batch;

static int fresh(void **state)
{
    (void)state;
    for (size_t i = 0; i < batch.count; i++) {
        event_free(batch.events[i]);
    }
    batch.count = 0;
    if (batch.events == NULL) {
        assert_int_equal(batch_init(&batch, 500, 1000, NULL), ERROR_NONE);
    }
    judge_init(&judge);
    return 0;
}

static struct event *add(enum event_state what)
{
    struct event *event = make_event("s", "1", 1);

    event->state = what;
    batch.events[batch.count++] = event;
    return event;
}

static struct event *add_failed(const char *sqlstate, enum verdict verdict, bool struck)
{
    struct event *event = add(EVENT_WAITING);

    event_fail(event, verdict, sqlstate, "because");
    event->struck = struck;
    return event;
}

/* Judges the batch and empties it. */
static bool came_back(int64_t now_us)
{
    struct event_queue released = {0};
    bool recovered = judge_batch(&judge, &batch, &released, now_us);

    for (size_t i = 0; i < batch.count; i++) {
        event_free(batch.events[i]);
    }
    batch.count = 0;
    assert_int_equal(released.count, 0);
    return recovered;
}

static void one_failure_is_tried_again_at_once_and_a_second_one_pauses(void **state)
{
    (void)state;
    (void)add(EVENT_STORED);
    assert_false(came_back(1 * S));
    assert_int_equal(judge.stored, 1);
    assert_int_equal(judge.last_stored_us, S);
    (void)add_failed("53100", VERDICT_TRANSIENT, false);
    (void)came_back(2 * S);
    assert_int_equal(judge.failing_since_us, 2 * S);
    assert_int_equal(judge.resume_us, 2 * S);
    (void)add_failed("53100", VERDICT_TRANSIENT, false);
    (void)came_back(3 * S);
    assert_true(judge.resume_us >= 3 * S && judge.resume_us <= 3 * S + S / 5);
    assert_int_equal(judge.failing_since_us, 2 * S);
    assert_false(judge.needs_repair);
}

/* A worker on standby was not ready for ever: it had failed last, and had no connection to store with. */
static void what_went_back_to_the_broker_no_longer_counts_as_failing(void **state)
{
    (void)state;
    (void)add_failed("42P01", VERDICT_OPERATOR, false);
    (void)came_back(2 * S);
    assert_int_equal(judge.failing_since_us, 2 * S);
    judge_release(&judge);
    assert_int_equal(judge.failing_since_us, 0);
    assert_false(judge.needs_repair);
}

static void the_pause_never_grows_beyond_4_s_and_ends_when_something_is_stored(void **state)
{
    (void)state;
    for (int64_t i = 1; i < 12; i++) {
        (void)add_failed("42P01", VERDICT_OPERATOR, true);
        (void)came_back(i * 10 * S);
        assert_true(judge.resume_us <= i * 10 * S + 4 * S);
        assert_true(judge.needs_repair);
    }
    (void)add(EVENT_REPLACED);
    assert_true(came_back(2000 * S));
    assert_int_equal(judge.failing_since_us, 0);
    assert_false(judge.needs_repair);
    assert_int_equal(judge.pause.attempt, 0);
}

static void a_batch_that_stored_something_is_no_failure_of_the_database(void **state)
{
    (void)state;
    (void)add(EVENT_STORED);
    (void)add_failed("55P03", VERDICT_TRANSIENT, true);
    (void)add_failed("", VERDICT_TRANSIENT, false);
    (void)came_back(5 * S);
    assert_int_equal(judge.failing_since_us, 0);
    assert_int_equal(judge.resume_us, 0);
}

static void what_others_prove_to_be_an_events_own_trouble_is_none_of_the_database(void **state)
{
    struct event *event;

    (void)state;
    (void)add_failed("23503", VERDICT_LATER, true);
    event = add_failed("55P03", VERDICT_TRANSIENT, true);
    event->others_stored = true;
    (void)came_back(5 * S);
    assert_int_equal(judge.failing_since_us, 0);
    assert_int_equal(judge.resume_us, 0);
}

static void a_dead_letter_shows_that_the_database_stores(void **state)
{
    (void)state;
    (void)add_failed("53100", VERDICT_TRANSIENT, false);
    (void)came_back(S);
    (void)add(EVENT_DEAD);
    assert_true(came_back(2 * S));
    assert_int_equal(judge.failing_since_us, 0);
    assert_int_equal(judge.stored, 0);
}

static void of_several_failures_the_one_that_a_person_must_mend_counts(void **state)
{
    (void)state;
    (void)add_failed("", VERDICT_TRANSIENT, false);
    (void)add_failed("42P01", VERDICT_OPERATOR, true);
    (void)add_failed("", VERDICT_TRANSIENT, false);
    (void)came_back(S);
    assert_true(judge.needs_repair);
}

static void most_events_refused_put_a_brake_on_and_a_probe_that_is_stored_releases_what_it_held(void **state)
{
    struct event_queue released = {0};
    struct event *probe;

    (void)state;
    for (size_t i = 0; i < 101; i++) {
        (void)add(EVENT_DEAD);
    }
    (void)came_back(S);
    assert_true(judge.put_on);
    assert_int_equal(sources_braked(&judge.sources), 1);
    assert_true(sources_hold(&judge.sources, make_event("s", "1", 1)));
    assert_true(sources_hold(&judge.sources, make_event("s", "2", 1)));
    probe = sources_take_probe(&judge.sources, 10 * S);
    probe->state = EVENT_STORED;
    batch.events[batch.count++] = probe;
    (void)judge_batch(&judge, &batch, &released, 10 * S);
    assert_false(judge.put_on);
    assert_int_equal(released.count, 1);
    assert_int_equal(sources_braked(&judge.sources), 0);
    event_queue_clear(&released);
}

static void two_broken_sources_hold_all_until_a_probe_is_stored(void **state)
{
    struct event_queue ordinary = {0};
    struct event *probe;

    (void)state;
    for (size_t i = 0; i < 202; i++) {
        struct event *event = add(EVENT_DEAD);

        if (i % 2 == 0) {
            event->envelope.source = SPAN_LITERAL("t");
        }
    }
    (void)came_back(S);
    assert_true(judge_holds_all(&judge));
    event_queue_push(&ordinary, make_event("u", "1", 1));
    probe = sources_take_worker_probe(&judge.sources, &ordinary, 10 * S);
    probe->state = EVENT_STORED;
    batch.events[batch.count++] = probe;
    (void)came_back(10 * S);
    assert_false(judge_holds_all(&judge));
    assert_int_equal(sources_braked(&judge.sources), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_failure_is_tried_again_at_once_and_a_second_one_pauses, fresh),
        cmocka_unit_test_setup(what_went_back_to_the_broker_no_longer_counts_as_failing, fresh),
        cmocka_unit_test_setup(the_pause_never_grows_beyond_4_s_and_ends_when_something_is_stored, fresh),
        cmocka_unit_test_setup(a_batch_that_stored_something_is_no_failure_of_the_database, fresh),
        cmocka_unit_test_setup(what_others_prove_to_be_an_events_own_trouble_is_none_of_the_database, fresh),
        cmocka_unit_test_setup(a_dead_letter_shows_that_the_database_stores, fresh),
        cmocka_unit_test_setup(of_several_failures_the_one_that_a_person_must_mend_counts, fresh),
        cmocka_unit_test_setup(
            most_events_refused_put_a_brake_on_and_a_probe_that_is_stored_releases_what_it_held, fresh),
        cmocka_unit_test_setup(two_broken_sources_hold_all_until_a_probe_is_stored, fresh),
    };
    int failed = cmocka_run_group_tests_name("judge", tests, NULL, NULL);

    batch_free(&batch);
    return failed;
}
