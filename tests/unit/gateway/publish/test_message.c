/* SPDX-License-Identifier: MIT */
#include "gateway/publish/message.h"

#include "bundle.h"
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVENTS_MAX 600
#define NO_LIMIT SIZE_MAX

static struct body_memory memory = {.most = INT64_C(64) << 20};

/* What the request threads would hold: the other reference of each event. */
static struct pending *held[EVENTS_MAX];
static size_t held_count;

static struct pending *make(const char *exchange, const char *source, size_t body_len)
{
    struct buf properties = {0};
    struct body body = {.memory = &memory};
    struct pending *e;

    buf_printf(&properties, "properties %zu", held_count);
    assert_int_equal(body_reserve(&body, body_len + 1), BODY_ROOM);
    for (size_t i = 0; i < body_len; i++) {
        buf_append_char(&body.bytes, 'x');
    }
    e = pending_new(exchange, span_of(source), &properties, &body);
    assert_non_null(e);
    held[held_count++] = e;
    return e;
}

/* A line of events, one for each letter of sources. */
static struct pending *line_of(const char *sources)
{
    struct pending *first = NULL, **end = &first;

    held_count = 0;
    for (const char *s = sources; *s != '\0'; s++) {
        *end = make("webhooks", (char[]){*s, '\0'}, 10);
        (*end)->next = NULL;
        end = &(*end)->next;
    }
    return first;
}

/* Ends the message, and says what its events' sources were. */
static const char *sources_of(struct message *m)
{
    static char text[EVENTS_MAX + 1];
    size_t count = 0;

    for (const struct pending *e = m->first; e != NULL; e = e->next) {
        text[count++] = e->source[0];
    }
    text[count] = '\0';
    assert_int_equal(count, m->events);
    message_finish(m->first, OUTCOME_QUEUED);
    return text;
}

static void let_go(enum outcome outcome)
{
    for (size_t i = 0; i < held_count; i++) {
        assert_int_equal(pending_wait(held[i], 0), outcome);
        pending_release(held[i]);
    }
    held_count = 0;
}

static void when_bundles_are_off_each_event_is_a_message_of_its_own(void **state)
{
    struct pending *line = line_of("aa");

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct message m = message_take(&line, 1, NO_LIMIT);

        assert_int_equal(m.events, 1);
        assert_int_equal(m.bytes, 10);
        assert_string_equal(sources_of(&m), "a");
    }
    assert_int_equal(message_take(&line, 1, NO_LIMIT).events, 0);
    let_go(OUTCOME_QUEUED);
}

static void events_of_one_source_go_together_and_the_order_of_the_rest_stays(void **state)
{
    struct pending *line = line_of("abacba");
    struct message m = message_take(&line, 8, NO_LIMIT);

    (void)state;
    assert_string_equal(sources_of(&m), "aaa");
    m = message_take(&line, 8, NO_LIMIT);
    assert_string_equal(sources_of(&m), "bb");
    m = message_take(&line, 8, NO_LIMIT);
    assert_string_equal(sources_of(&m), "c");
    assert_null(line);
    let_go(OUTCOME_QUEUED);
}

static void no_message_has_more_events_than_are_allowed(void **state)
{
    struct pending *line = line_of("aaaaa");
    struct message m = message_take(&line, 2, NO_LIMIT);

    (void)state;
    assert_string_equal(sources_of(&m), "aa");
    m = message_take(&line, 2, NO_LIMIT);
    assert_string_equal(sources_of(&m), "aa");
    m = message_take(&line, 2, NO_LIMIT);
    assert_string_equal(sources_of(&m), "a");
    let_go(OUTCOME_QUEUED);
}

static void events_of_different_exchanges_do_not_go_together(void **state)
{
    struct pending *line = (held_count = 0, make("webhooks", "a", 1));
    struct message m;

    (void)state;
    line->next = make("webhooks.delay.10", "a", 1);
    line->next->next = NULL;
    m = message_take(&line, 8, NO_LIMIT);
    assert_string_equal(sources_of(&m), "a");
    m = message_take(&line, 8, NO_LIMIT);
    assert_string_equal(sources_of(&m), "a");
    let_go(OUTCOME_QUEUED);
}

static void an_event_that_does_not_fit_goes_alone_and_a_later_one_that_does_goes_along(void **state)
{
    struct pending *line = (held_count = 0, make("webhooks", "a", 100));
    struct message m;

    (void)state;
    line->next = make("webhooks", "a", BUNDLE_BYTES_MAX);
    line->next->next = make("webhooks", "a", 200);
    line->next->next->next = NULL;
    m = message_take(&line, 8, NO_LIMIT);
    assert_int_equal(m.events, 2);
    assert_int_equal(m.bytes,
                     1 + 2 * bundle_record_size(SPAN_LITERAL("properties 0"), SPAN_LITERAL("")) + 300);
    assert_string_equal(sources_of(&m), "aa");
    m = message_take(&line, 8, NO_LIMIT);
    assert_int_equal(m.bytes, BUNDLE_BYTES_MAX);
    assert_string_equal(sources_of(&m), "a");
    let_go(OUTCOME_QUEUED);
}

/* The broker's max_message_size may be less than a bundle. */
static void a_bundle_keeps_to_the_largest_body_that_the_broker_takes(void **state)
{
    size_t record = bundle_record_size(SPAN_LITERAL("properties 0"), SPAN_LITERAL("0123456789"));
    struct pending *line = line_of("aaa");
    struct message m = message_take(&line, 8, 2 * record);

    (void)state;
    assert_string_equal(sources_of(&m), "a");
    m = message_take(&line, 8, 1 + 2 * record);
    assert_string_equal(sources_of(&m), "aa");
    let_go(OUTCOME_QUEUED);
}

static void an_event_whose_waiter_has_given_up_is_released_and_not_taken(void **state)
{
    struct pending *line = line_of("aaa");
    struct message m;

    (void)state;
    assert_int_equal(pending_wait(held[0], 0), OUTCOME_LATE);
    assert_int_equal(pending_wait(held[2], 0), OUTCOME_LATE);
    m = message_take(&line, 8, NO_LIMIT);
    assert_ptr_equal(m.first, held[1]);
    assert_string_equal(sources_of(&m), "a");
    assert_int_equal(message_take(&line, 8, NO_LIMIT).events, 0);
    assert_null(line);
    pending_release(held[0]);
    assert_int_equal(pending_wait(held[1], 0), OUTCOME_QUEUED);
    pending_release(held[1]);
    pending_release(held[2]);
    held_count = 0;
}

static void only_the_next_few_hundred_events_are_looked_at(void **state)
{
    char sources[500];
    struct pending *line;
    struct message m;

    (void)state;
    memset(sources, 'b', sizeof sources - 1);
    sources[0] = sources[256] = sources[257] = 'a';
    sources[sizeof sources - 1] = '\0';
    line = line_of(sources);
    m = message_take(&line, BUNDLE_EVENTS_MAX, NO_LIMIT);
    assert_string_equal(sources_of(&m), "aa");
    while ((m = message_take(&line, BUNDLE_EVENTS_MAX, NO_LIMIT)).events > 0) {
        message_finish(m.first, OUTCOME_QUEUED);
    }
    let_go(OUTCOME_QUEUED);
}

static void a_bundle_is_written_whole_each_time(void **state)
{
    struct pending *line = line_of("aab");
    struct message m = message_take(&line, 8, NO_LIMIT);
    struct buf properties = {0}, body = {0};
    struct bundle bundle;
    struct span event_properties, event_body;

    (void)state;
    for (int i = 0; i < 2; i++) { /* what an earlier bundle left is gone */
        assert_true(message_encode(&m, &properties, &body));
        assert_int_equal(body.len, m.bytes);
        assert_int_equal(bundle_open(&bundle, buf_span(&properties), buf_span(&body), NULL), ERROR_NONE);
        assert_true(bundle_next(&bundle, &event_properties, &event_body));
        assert_true(span_equal(event_properties, SPAN_LITERAL("properties 0")));
        assert_true(span_equal(event_body, SPAN_LITERAL("xxxxxxxxxx")));
        assert_true(bundle_next(&bundle, &event_properties, &event_body));
        assert_true(span_equal(event_properties, SPAN_LITERAL("properties 1")));
        assert_false(bundle_next(&bundle, &event_properties, &event_body));
    }
    buf_free(&properties);
    buf_free(&body);
    message_forget_content(m.first);
    assert_int_equal(m.first->body.bytes.len, 0);
    assert_int_equal(m.first->next->properties.len, 0);
    message_finish(m.first, OUTCOME_LOST);
    m = message_take(&line, 8, NO_LIMIT);
    message_finish(m.first, OUTCOME_LOST);
    let_go(OUTCOME_LOST);
    assert_int_equal(atomic_load(&memory.taken), 0);
}

static void all_events_of_a_message_have_its_outcome(void **state)
{
    struct pending *line = line_of("aaa");
    struct message m = message_take(&line, 8, NO_LIMIT);

    (void)state;
    message_complete(m.first, OUTCOME_BLOCKED);
    message_finish(m.first, OUTCOME_QUEUED); /* too late: each was answered */
    let_go(OUTCOME_BLOCKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_bundles_are_off_each_event_is_a_message_of_its_own),
        cmocka_unit_test(events_of_one_source_go_together_and_the_order_of_the_rest_stays),
        cmocka_unit_test(no_message_has_more_events_than_are_allowed),
        cmocka_unit_test(events_of_different_exchanges_do_not_go_together),
        cmocka_unit_test(an_event_that_does_not_fit_goes_alone_and_a_later_one_that_does_goes_along),
        cmocka_unit_test(a_bundle_keeps_to_the_largest_body_that_the_broker_takes),
        cmocka_unit_test(an_event_whose_waiter_has_given_up_is_released_and_not_taken),
        cmocka_unit_test(only_the_next_few_hundred_events_are_looked_at),
        cmocka_unit_test(a_bundle_is_written_whole_each_time),
        cmocka_unit_test(all_events_of_a_message_have_its_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
