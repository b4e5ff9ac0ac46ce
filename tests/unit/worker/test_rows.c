/* SPDX-License-Identifier: MIT */
#include "worker/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "make_event.h"

#define MANY 200

static struct event *events[MANY];

/* Waiting events of one source with ascending ids. */
static int make_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "%05zu", i);
        events[i] = make_event("a", id, 1);
    }
    return 0;
}

static int free_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        event_free(events[i]);
    }
    return 0;
}

static void put(size_t at, const char *source, const char *id, size_t body_len)
{
    event_free(events[at]);
    events[at] = make_event(source, id, body_len);
}

static void events_of_one_rule_share_a_statement_up_to_its_limits(void **state)
{
    (void)state;
    assert_int_equal(rows_run(events, MANY), ROWS_MOST);
    assert_int_equal(rows_run(events, 20), 20);
    put(20, "b", "0", 1); /* another source is no other rule */
    assert_int_equal(rows_run(events, 21), 21);
}

static void a_few_events_have_a_statement_each(void **state)
{
    (void)state;
    assert_int_equal(rows_run(events, ROWS_LEAST - 1), 1);
    assert_int_equal(rows_run(events, ROWS_LEAST), ROWS_LEAST);
}

static void a_statement_has_no_more_bytes_than_its_limit(void **state)
{
    (void)state;
    put(10, "a", "00010", ROWS_BYTES);
    assert_int_equal(rows_run(events, 20), 10);
    assert_int_equal(rows_run(&events[10], 10), 1);
}

static void a_statement_ends_before_an_event_that_is_merged_by_another_rule(void **state)
{
    (void)state;
    events[10]->envelope.keep = ENVELOPE_KEEP_FIRST;
    assert_int_equal(rows_run(events, 20), 10);
    events[10]->envelope.has_order = true; /* means nothing to one that keeps the first */
    for (size_t i = 11; i < 20; i++) {
        events[i]->envelope.keep = ENVELOPE_KEEP_FIRST;
    }
    assert_int_equal(rows_run(&events[10], 20), 10);
    events[30]->envelope.has_order = true;
    assert_int_equal(rows_run(&events[20], 20), 10);
}

static void an_event_that_is_stored_again_is_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        events[i]->envelope.keep = ENVELOPE_KEEP_AGAIN;
    }
    assert_int_equal(rows_run(events, 20), 1);
}

static void a_statement_never_holds_a_key_twice_and_its_keys_ascend(void **state)
{
    (void)state;
    put(10, "a", "00009", 1);
    assert_int_equal(rows_run(events, 20), 10);
    put(10, "a", "00008", 1);
    assert_int_equal(rows_run(events, 20), 10);
}

static void a_statement_ends_before_an_event_that_has_its_outcome(void **state)
{
    (void)state;
    events[10]->state = EVENT_STORED;
    assert_int_equal(rows_run(events, 20), 10);
    event_fail(events[10], VERDICT_POISON, "22000", "bad");
    assert_int_equal(rows_run(events, 20), 10);
}

static void arrays_are_in_postgres_binary_format(void **state)
{
    const uint32_t types[] = {25, 17};
    const struct span one[] = {SPAN_LITERAL("ab"), {NULL, 0}}, two[] = {SPAN_LITERAL(""), SPAN_LITERAL("c")};
    struct rows rows = {0};

    (void)state;
    for (int again = 0; again < 2; again++) {
        rows_begin(&rows, types, 2, 2);
        rows_add(&rows, one, 2);
        rows_add(&rows, two, 2);
        assert_true(
            span_equal(buf_span(&rows.columns[0]), SPAN_LITERAL("\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1"
                                                                "\0\0\0\2ab\0\0\0\0")));
        assert_true(
            span_equal(buf_span(&rows.columns[1]), SPAN_LITERAL("\0\0\0\1\0\0\0\1\0\0\0\x11\0\0\0\2\0\0\0\1"
                                                                "\xff\xff\xff\xff\0\0\0\1c")));
    }
    rows_free(&rows);
}

int main(void)
{
#define WITH_MANY(test) cmocka_unit_test_setup_teardown(test, make_many, free_many)
    const struct CMUnitTest tests[] = {
        WITH_MANY(events_of_one_rule_share_a_statement_up_to_its_limits),
        WITH_MANY(a_few_events_have_a_statement_each),
        WITH_MANY(a_statement_has_no_more_bytes_than_its_limit),
        WITH_MANY(a_statement_ends_before_an_event_that_is_merged_by_another_rule),
        WITH_MANY(an_event_that_is_stored_again_is_alone),
        WITH_MANY(a_statement_never_holds_a_key_twice_and_its_keys_ascend),
        WITH_MANY(a_statement_ends_before_an_event_that_has_its_outcome),
        cmocka_unit_test(arrays_are_in_postgres_binary_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
