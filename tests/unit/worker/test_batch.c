/* SPDX-License-Identifier: MIT */
#include "../../../worker/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A delivery as lib/broker makes it: one allocation that the views point into. */
static struct broker_delivery *delivery(struct span properties, size_t body_len)
{
    struct broker_delivery *d = calloc(1, sizeof *d + properties.len + body_len);
    char *bytes = (char *)(d + 1);

    assert_non_null(d);
    memcpy(bytes, properties.data, properties.len);
    d->routing_key = SPAN_LITERAL("default");
    d->properties = (struct span){bytes, properties.len};
    d->body = (struct span){bytes + properties.len, body_len};
    return d;
}

static struct event *event_of(const char *source, const char *id, size_t body_len)
{
    struct envelope e = {.source = span_of(source),
                         .id = span_of(id),
                         .method = SPAN_LITERAL("POST"),
                         .path = SPAN_LITERAL("/")};
    struct buf properties = {0};
    struct event *event;

    assert_int_equal(envelope_encode(&e, &properties, NULL), ERROR_NONE);
    event = event_new(delivery(buf_span(&properties), body_len), 1);
    buf_free(&properties);
    assert_non_null(event);
    assert_int_equal(event->state, EVENT_WAITING);
    return event;
}

static struct event *suspect_of(const char *id)
{
    struct event *event = event_of("default", id, 1);

    event->envelope.delivery_count = BATCH_SUSPECT_DELIVERIES;
    return event;
}

static void check_ids(const struct batch *batch, const char *const *ids, size_t count)
{
    assert_int_equal(batch->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(span_equal(batch->events[i]->envelope.id, span_of(ids[i])));
    }
}

static void empty_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        event_free(batch->events[i]);
    }
    batch->count = 0;
}

static void a_batch_is_sorted_by_source_and_id_as_bytes(void **state)
{
    struct backlog backlog = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 10, 100, NULL), ERROR_NONE);
    backlog_add(&backlog, event_of("b", "1", 1));
    backlog_add(&backlog, event_of("a", "b", 1));
    backlog_add(&backlog, event_of("a", "B", 1));
    backlog_add(&backlog, event_of("a", "ab", 1));
    backlog_add(&backlog, event_of("a", "a", 1));
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"B", "a", "ab", "b", "1"}, 5);
    assert_int_equal(backlog.count, 0);
    batch_free(&batch);
}

static void a_batch_is_full_by_count(void **state)
{
    struct backlog backlog = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 2, 100, NULL), ERROR_NONE);
    backlog_add(&backlog, event_of("a", "1", 1));
    backlog_add(&backlog, event_of("a", "2", 1));
    backlog_add(&backlog, event_of("a", "3", 1));
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"1", "2"}, 2);
    assert_int_equal(backlog.count, 1);
    empty_batch(&batch);
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"3"}, 1);
    batch_free(&batch);
}

static void a_batch_is_full_by_bytes_and_an_event_over_them_goes_alone(void **state)
{
    struct backlog backlog = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 10, 100, NULL), ERROR_NONE);
    backlog_add(&backlog, event_of("a", "1", 60));
    backlog_add(&backlog, event_of("a", "2", 40));
    backlog_add(&backlog, event_of("a", "3", 500));
    backlog_add(&backlog, event_of("a", "4", 1));
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"1", "2"}, 2);
    assert_int_equal(batch.bytes, 100);
    empty_batch(&batch);
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"3"}, 1);
    empty_batch(&batch);
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"4"}, 1);
    batch_free(&batch);
}

static void a_suspect_goes_alone_after_all_others(void **state)
{
    struct backlog backlog = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 10, 100, NULL), ERROR_NONE);
    backlog_add(&backlog, suspect_of("s1"));
    backlog_add(&backlog, suspect_of("s2"));
    backlog_add(&backlog, event_of("default", "1", 1));
    backlog_add(&backlog, event_of("default", "2", 1));
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"1", "2"}, 2);
    empty_batch(&batch);
    batch_take(&batch, &backlog, 1000);
    check_ids(&batch, (const char *const[]){"s1"}, 1);
    backlog_clear(&backlog);
    assert_int_equal(backlog.count, 0);
    batch_free(&batch);
}

static void clearing_the_backlog_frees_every_event(void **state)
{
    struct backlog backlog = {0};

    (void)state;
    backlog_add(&backlog, event_of("a", "1", 1));
    backlog_add(&backlog, event_of("a", "2", 1));
    backlog_add(&backlog, suspect_of("3"));
    backlog_clear(&backlog);
    assert_int_equal(backlog.count, 0);
    assert_null(backlog.ordinary.head);
    assert_null(backlog.suspects.head);
}

static void an_envelope_that_cannot_be_read_makes_a_malformed_poisonous_event(void **state)
{
    struct event *event = event_new(delivery(SPAN_LITERAL("\x01"), 3), 7);

    (void)state;
    assert_non_null(event);
    assert_true(event->malformed);
    assert_int_equal(event->state, EVENT_FAILED);
    assert_int_equal(event->verdict, VERDICT_POISON);
    assert_true(strlen(event->reason) > 0);
    assert_true(span_equal(event->envelope.source, SPAN_LITERAL("default")));
    event_free(event);
}

static void failing_an_event_keeps_the_last_reason_cut_to_fit(void **state)
{
    struct event *event = event_of("a", "1", 1);
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
    struct event *event = event_of("default", "evt_1", 0);

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

static void only_committed_outcomes_are_settled(void **state)
{
    struct event event = {0};
    const struct {
        enum event_state state;
        bool settled;
    } table[] = {{EVENT_WAITING, false},  {EVENT_STORED, true}, {EVENT_REPLACED, true},
                 {EVENT_UNCHANGED, true}, {EVENT_DEAD, true},   {EVENT_FAILED, false}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        event.state = table[i].state;
        assert_int_equal(event_settled(&event), table[i].settled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_sorted_by_source_and_id_as_bytes),
        cmocka_unit_test(a_batch_is_full_by_count),
        cmocka_unit_test(a_batch_is_full_by_bytes_and_an_event_over_them_goes_alone),
        cmocka_unit_test(a_suspect_goes_alone_after_all_others),
        cmocka_unit_test(clearing_the_backlog_frees_every_event),
        cmocka_unit_test(an_envelope_that_cannot_be_read_makes_a_malformed_poisonous_event),
        cmocka_unit_test(failing_an_event_keeps_the_last_reason_cut_to_fit),
        cmocka_unit_test(a_reason_is_text_wherever_it_is_cut_and_whatever_bytes_it_had),
        cmocka_unit_test(only_committed_outcomes_are_settled),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
