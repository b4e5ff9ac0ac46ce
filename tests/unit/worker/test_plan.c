/* SPDX-License-Identifier: MIT */
#include "worker/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

#define MANY 20

static struct batch batch;
static struct plan plan;

/* A batch of waiting events; a session whose statements have their full time. */
static int begin(void **state)
{
    (void)state;
    if (batch_init(&batch, MANY, 1000, NULL) != ERROR_NONE ||
        plan_init(&plan, MANY, 0, false, NULL) != ERROR_NONE) {
        return 1;
    }
    for (batch.count = 0; batch.count < MANY; batch.count++) {
        char id[16];

        (void)snprintf(id, sizeof id, "%05zu", batch.count);
        batch.events[batch.count] = make_event("a", id, 1);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    plan_free(&plan);
    batch_free(&batch);
    return 0;
}

/* The plan in letters: a number is a statement with so many events, `d` a dead letter, `;` a sync. */
static void check(const char *expected)
{
    static const char letters[] = {[PLAN_TIME] = 't',  [PLAN_NO_FLUSH] = 'n', [PLAN_FLUSH_ON] = 'o',
                                   [PLAN_FLUSH] = 'f', [PLAN_GUARD] = 'g',    [PLAN_QUESTION] = 'q'};
    struct buf text = {0};

    for (size_t i = plan.first; i < plan.count; i++) {
        const struct plan_item *item = &plan.items[i];

        if (item->kind != PLAN_EVENTS) {
            buf_append_char(&text, letters[item->kind]);
        } else if (item->buries) {
            buf_append_char(&text, 'd');
        } else {
            buf_printf(&text, "%zu", item->count);
        }
        buf_append_char(&text, item->ends ? ';' : ' ');
    }
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
}

static void refuse(size_t at)
{
    event_fail(batch.events[at], VERDICT_POISON, "22000", "bad");
}

static void a_batch_is_one_transaction_of_few_statements_in_little_time(void **state)
{
    (void)state;
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("t;20;");
    assert_true(plan.is_short);
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true)); /* the session's time is little by now */
    check("20;");
    assert_true(plan_batch(&plan, &batch, 12, true));
    check("n;12;8;o;f;");
    assert_true(plan_batch(&plan, &batch, 15, true)); /* five are too few to share one */
    check("n;15;1 1 1 1 1;o;f;");
}

static void one_by_one_each_event_has_its_statement_and_its_full_time(void **state)
{
    (void)state;
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    assert_true(plan_batch(&plan, &batch, 10, false));
    check("n;t;1 1 1 1 1 1 1 1 1 1;1 1 1 1 1 1 1 1 1 1;o;f;");
    assert_false(plan.is_short);
}

static void the_events_of_a_statement_that_failed_are_sent_one_by_one_and_what_is_around_them_together(
    void **state)
{
    (void)state;
    plan.is_short = true;
    for (size_t i = 8; i < 11; i++) {
        batch.events[i]->single = true;
    }
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("n;t;8;1 1 1;9;o;f;");
    assert_false(plan.is_short);
    refuse(9);
    batch.events[9]->verdict = VERDICT_TRANSIENT; /* it is no dead letter */
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("n;8;1;1;9;o;f;");
}

static void a_few_events_leave_the_time_as_it_is(void **state)
{
    (void)state;
    while (batch.count > 3) {
        event_free(batch.events[--batch.count]);
    }
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("1 1 1;");
    plan.is_short = true;
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("1 1 1;");
    plan_forget(&plan); /* the session has ended */
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, false));
    check("1 1 1;");
}

static void a_dead_letter_is_a_transaction_in_full_time_and_what_was_before_it_another(void **state)
{
    (void)state;
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    refuse(17);
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("n;t;1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1;1 1;d;o;f;");
}

static void only_what_no_retry_may_help_becomes_a_dead_letter(void **state)
{
    struct event *event = batch.events[0];

    (void)state;
    while (batch.count > 1) {
        event_free(batch.events[--batch.count]);
    }
    plan.tiers = 2;
    refuse(0);
    event->form = EVENT_NEWER;
    assert_false(plan_batch(&plan, &batch, SIZE_MAX, true));
    event->form = EVENT_MALFORMED;
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("d;");
    for (enum verdict verdict = VERDICT_TRANSIENT; verdict <= VERDICT_UNCLEAR; verdict++) {
        event->verdict = verdict;
        event->envelope.attempt = 1;
        assert_int_equal(plan_batch(&plan, &batch, SIZE_MAX, true), verdict == VERDICT_POISON);
        event->envelope.attempt = 2;
        assert_int_equal(plan_batch(&plan, &batch, SIZE_MAX, true),
                         verdict == VERDICT_POISON || verdict == VERDICT_LATER);
    }
}

static void the_standby_is_asked_for_last(void **state)
{
    (void)state;
    plan.guarded = true;
    assert_true(plan_batch(&plan, &batch, SIZE_MAX, true));
    check("t;20;g;");
    assert_true(plan_batch(&plan, &batch, 12, true)); /* only the flush waits for it */
    check("n;12;8;o;f;g;");
    plan_question(&plan);
    check("q;");
}

static void nothing_is_planned_for_a_batch_that_has_its_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        batch.events[i]->state = EVENT_STORED;
    }
    assert_false(plan_batch(&plan, &batch, SIZE_MAX, true));
    assert_false(plan.is_short);
}

int main(void)
{
#define WITH_BATCH(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WITH_BATCH(a_batch_is_one_transaction_of_few_statements_in_little_time),
        WITH_BATCH(one_by_one_each_event_has_its_statement_and_its_full_time),
        WITH_BATCH(
            the_events_of_a_statement_that_failed_are_sent_one_by_one_and_what_is_around_them_together),
        WITH_BATCH(a_few_events_leave_the_time_as_it_is),
        WITH_BATCH(a_dead_letter_is_a_transaction_in_full_time_and_what_was_before_it_another),
        WITH_BATCH(only_what_no_retry_may_help_becomes_a_dead_letter),
        WITH_BATCH(the_standby_is_asked_for_last),
        WITH_BATCH(nothing_is_planned_for_a_batch_that_has_its_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
