/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "field.h"
#include "make_event.h"

static void an_envelope_that_cannot_be_read_makes_a_malformed_poisonous_event(void **state)
{
    struct event *event = event_new(make_delivery(SPAN_LITERAL("\x01"), 3), 7, false, 5);

    (void)state;
    assert_non_null(event);
    assert_int_equal(event->form, EVENT_MALFORMED);
    assert_int_equal(event->state, EVENT_FAILED);
    assert_int_equal(event->verdict, VERDICT_POISON);
    assert_true(strlen(event->reason) > 0);
    assert_true(span_equal(event->envelope.source, SPAN_LITERAL("default")));
    assert_int_equal(event->channel, 7);
    assert_int_equal(event->delivered_us, 5);
    /* A reset clears the outcome of the last attempt. */
    event_fail(event, VERDICT_OPERATOR, "42P01", "no table");
    event_reset(event);
    assert_int_equal(event->state, EVENT_FAILED);
    assert_int_equal(event->verdict, VERDICT_POISON);
    assert_string_equal(event->sqlstate, "");
    event_free(event);
}

static void an_envelope_of_a_later_release_is_newer_and_not_malformed(void **state)
{
    struct buf headers = {0}, properties = {0};
    struct event *event;

    (void)state;
    field_put_number(&headers, "sluice-version", ENVELOPE_VERSION + 1);
    field_put_integer(&properties, 1 << 13, 2);
    field_put_integer(&properties, headers.len, 4);
    buf_append_span(&properties, buf_span(&headers));
    event = event_new(make_delivery(buf_span(&properties), 3), 1, false, 0);
    assert_int_equal(event->form, EVENT_NEWER);
    assert_non_null(strstr(event->reason, "version 4"));
    assert_true(span_equal(event->envelope.source, SPAN_LITERAL("default")));
    event_free(event);
    buf_free(&headers);
    buf_free(&properties);
}

static void failing_an_event_keeps_the_last_reason_cut_to_fit(void **state)
{
    struct event *event = make_event("a", "1", 1);
    char long_reason[2000];

    (void)state;
    memset(long_reason, 'x', sizeof long_reason - 1);
    long_reason[sizeof long_reason - 1] = '\0';
    event_fail(event, VERDICT_OPERATOR, "42P01", "no table");
    assert_string_equal(event->reason, "no table");
    event_fail(event, VERDICT_TRANSIENT, "40P01", long_reason);
    assert_int_equal(strlen(event->reason), 500);
    assert_string_equal(event->sqlstate, "40P01");
    assert_int_equal(event->state, EVENT_FAILED);
    event_free(event);
}

static void a_reason_is_text_wherever_it_is_cut_and_whatever_bytes_it_had(void **state)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80"};
    struct event *event = make_event("default", "evt_1", 0);

    (void)state;
    for (size_t before = 490; before < 510; before++) {
        for (size_t i = 0; i < 3; i++) {
            size_t whole = before + strlen(characters[i]);
            char reason[600];

            (void)snprintf(reason, sizeof reason, "%0*d%syyyyyyyyyyyyyyyyyyyy", (int)before, 0,
                           characters[i]);
            event_fail(event, VERDICT_POISON, "22023", reason);
            assert_true(span_is_text(span_of(event->reason)));
            assert_int_equal(strlen(event->reason), before <= 500 && whole > 500 ? before : 500);
        }
    }
    event_fail(event, VERDICT_POISON, "22023", "gr\xfc\xdf");
    assert_string_equal(event->reason, "gr??");
    event_fail(event, VERDICT_POISON, "22023", "");
    assert_string_equal(event->reason, "");
    event_free(event);
}

static void others_count_as_evidence_only_when_they_were_stored_after_its_first_failure(void **state)
{
    struct event *event = make_event("a", "1", 1);

    (void)state;
    event_fail(event, VERDICT_UNCLEAR, "42P01", "x");
    event_strike(event, false, 100);
    assert_true(event->struck);
    assert_false(event->others_stored);
    event_strike(event, true, 100);
    assert_false(event->others_stored);
    event_strike(event, true, 101);
    assert_true(event->others_stored);
    assert_int_equal(event->failures, 3);
    assert_int_equal(event->alone, 2);
    event_reset(event);
    assert_int_equal(event->state, EVENT_WAITING);
    assert_false(event->struck);
    assert_true(event->others_stored);
    event_free(event);
}

static void a_doomed_event_is_still_to_be_buried_after_a_reset(void **state)
{
    struct event *event = make_event("a", "1", 1);

    (void)state;
    event_fail(event, VERDICT_LATER, "XX000", "x");
    event->doomed = event->unburied = event->plain = true;
    event_reset(event);
    assert_int_equal(event->state, EVENT_FAILED);
    assert_int_equal(event->verdict, VERDICT_LATER);
    assert_string_equal(event->sqlstate, "XX000");
    assert_false(event->unburied || event->plain);
    event_free(event);
}

static void what_came_back_often_or_met_many_ends_of_connections_is_suspect(void **state)
{
    struct event *event = make_event("a", "1", 1);

    (void)state;
    assert_false(event_is_suspect(event));
    event->envelope.delivery_count = 1;
    assert_false(event_is_suspect(event));
    event->envelope.delivery_count = 2;
    assert_true(event_is_suspect(event));
    event->envelope.delivery_count = 0;
    event->lost = 2;
    assert_false(event_is_suspect(event));
    event->lost = 3;
    assert_true(event_is_suspect(event));
    event_free(event);
}

static void only_committed_outcomes_are_settled(void **state)
{
    struct event event = {0};
    const struct {
        enum event_state state;
        bool settled;
    } table[] = {{EVENT_WAITING, false},  {EVENT_STORED, true}, {EVENT_REPLACED, true},
                 {EVENT_UNCHANGED, true}, {EVENT_DEAD, true},   {EVENT_RETRIED, true},
                 {EVENT_FAILED, false}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        event.state = table[i].state;
        assert_int_equal(event_settled(&event), table[i].settled);
    }
}

static void an_event_counts_its_body_and_its_properties(void **state)
{
    struct event *event = make_event("a", "1", 1000);

    (void)state;
    assert_int_equal(event_bytes(event), sizeof *event + event->delivery->properties.len + 1000);
    event_free(event);
}

static void a_queue_gives_first_what_came_first_and_parts_by_age(void **state)
{
    struct event_queue queue = {0}, old = {0};
    struct event *event;

    (void)state;
    assert_null(event_queue_pop(&queue));
    for (int64_t i = 0; i < 6; i++) {
        event = make_event("a", (char[]){(char)('a' + i), '\0'}, 1);
        event->delivered_us = i % 2 == 0 ? 10 : 20;
        event_queue_push(&queue, event);
    }
    event_queue_take_older(&queue, 20, &old);
    assert_int_equal(queue.count, 3);
    assert_int_equal(old.count, 3);
    for (int64_t i = 0; i < 3; i++) {
        event = event_queue_pop(&old);
        assert_int_equal(event->envelope.id.data[0], 'a' + 2 * i);
        event_free(event);
    }
    event = event_queue_pop(&queue);
    assert_int_equal(event->envelope.id.data[0], 'b');
    event_free(event);
    event_queue_clear(&queue);
    assert_int_equal(queue.count, 0);
    assert_null(queue.head);
}

static void an_event_is_as_old_as_its_receipt_unless_that_is_unknown_or_it_is_stored_again(void **state)
{
    struct event *event = make_event("a", "1", 1);

    (void)state;
    event->envelope.received_us = 100;
    assert_int_equal(event_since_us(event, 500), 100);
    event->envelope.received_us = 501;
    assert_int_equal(event_since_us(event, 500), 500);
    event->envelope.received_us = 0;
    assert_int_equal(event_since_us(event, 500), 500);
    event->envelope.received_us = 100;
    assert_false(event_is_again(event));
    event->envelope.keep = ENVELOPE_KEEP_AGAIN;
    assert_true(event_is_again(event));
    assert_int_equal(event_since_us(event, 500), 500);
    event_free(event);
}

static void what_must_go_on_alone_is_a_suspect_and_leaves_its_queue(void **state)
{
    struct event_queue queue = {0}, isolated = {0};
    struct event *event = make_event("default", "b", 1);

    (void)state;
    assert_false(event_is_suspect(event));
    event->isolated = true;
    assert_true(event_is_suspect(event));
    event_queue_push(&queue, make_event("default", "a", 1));
    event_queue_push(&queue, event);
    event_queue_push(&queue, make_event("default", "c", 1));
    event_queue_take_isolated(&queue, &isolated);
    assert_int_equal(queue.count, 2);
    assert_int_equal(isolated.count, 1);
    assert_ptr_equal(isolated.head, event);
    event_queue_clear(&queue);
    event_queue_clear(&isolated);
}

static void a_queue_takes_over_another_and_knows_the_size_and_age_of_all(void **state)
{
    struct event_queue queue = {0}, more = {0};
    struct event *first = make_event("default", "a", 10), *second = make_event("default", "b", 20);
    size_t bytes = event_bytes(first) + event_bytes(second);

    (void)state;
    assert_int_equal(event_queue_bytes(&queue), 0);
    assert_int_equal(event_queue_since_us(&queue, 7), 7);
    first->envelope.received_us = 5;
    second->envelope.received_us = 3;
    event_queue_push(&queue, first);
    event_queue_push(&more, second);
    event_queue_append(&queue, &more);
    assert_int_equal(more.count, 0);
    assert_int_equal(queue.count, 2);
    assert_ptr_equal(queue.tail, second);
    assert_int_equal(event_queue_bytes(&queue), bytes);
    assert_int_equal(event_queue_since_us(&queue, 7), 3);
    event_queue_clear(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_that_cannot_be_read_makes_a_malformed_poisonous_event),
        cmocka_unit_test(an_envelope_of_a_later_release_is_newer_and_not_malformed),
        cmocka_unit_test(failing_an_event_keeps_the_last_reason_cut_to_fit),
        cmocka_unit_test(a_reason_is_text_wherever_it_is_cut_and_whatever_bytes_it_had),
        cmocka_unit_test(others_count_as_evidence_only_when_they_were_stored_after_its_first_failure),
        cmocka_unit_test(a_doomed_event_is_still_to_be_buried_after_a_reset),
        cmocka_unit_test(what_came_back_often_or_met_many_ends_of_connections_is_suspect),
        cmocka_unit_test(only_committed_outcomes_are_settled),
        cmocka_unit_test(an_event_is_as_old_as_its_receipt_unless_that_is_unknown_or_it_is_stored_again),
        cmocka_unit_test(an_event_counts_its_body_and_its_properties),
        cmocka_unit_test(a_queue_gives_first_what_came_first_and_parts_by_age),
        cmocka_unit_test(what_must_go_on_alone_is_a_suspect_and_leaves_its_queue),
        cmocka_unit_test(a_queue_takes_over_another_and_knows_the_size_and_age_of_all),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
