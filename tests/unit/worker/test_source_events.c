/* SPDX-License-Identifier: MIT */
#include "worker/source_events.h"

#include "metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

#define NAMES_MOST 256

static void count(const char *source, enum event_state state, int64_t now_us)
{
    struct event *event = make_event("any", "1", 1);

    event->envelope.source = span_of(source);
    event->state = state;
    source_events_count(event, now_us);
    event_free(event);
}

/* The value of a row; -1 when there is none. */
static double row(const char *name)
{
    struct buf out = {0}, wanted = {0};
    const char *found;
    double value;

    buf_printf(&wanted, "\n%s ", name);
    metrics_render(&out);
    found = strstr(buf_text(&out), buf_text(&wanted));
    value = found == NULL ? -1 : strtod(found + wanted.len, NULL);
    buf_free(&out);
    buf_free(&wanted);
    return value;
}

#define EVENTS(source, outcome) \
    row("sluice_worker_source_events_total{source=\"" source "\",outcome=\"" outcome "\"}")
#define LAST(source) row("sluice_worker_source_last_stored_timestamp_seconds{source=\"" source "\"}")

static void each_outcome_counts_for_its_source(void **state)
{
    struct event *postponed = make_event("github", "1", 1), *again = make_event("github", "2", 1);

    (void)state;
    assert_true(EVENTS("github", "stored") == -1);
    count("github", EVENT_UNCHANGED, 9000000);
    assert_true(LAST("github") == -1);
    count("github", EVENT_STORED, 1000000);
    count("github", EVENT_REPLACED, 2500000);
    count("stripe", EVENT_DEAD, 3000000);
    count("github", EVENT_RETRIED, 4000000);
    count("github", EVENT_FAILED, 4000000);
    count("github", EVENT_WAITING, 4000000);
    postponed->state = EVENT_RETRIED;
    postponed->postponed = true;
    source_events_count(postponed, 4000000);
    event_free(postponed);
    again->envelope.keep = ENVELOPE_KEEP_AGAIN;
    again->state = EVENT_REPLACED;
    source_events_count(again, 9000000); /* nothing new has come from its source */
    event_free(again);
    assert_true(EVENTS("github", "stored") == 1);
    assert_true(EVENTS("github", "replaced") == 2);
    assert_true(EVENTS("github", "unchanged") == 1);
    assert_true(EVENTS("github", "retried") == 1);
    assert_true(EVENTS("github", "dead") == 0);
    assert_true(LAST("github") == 2.5);
    assert_true(EVENTS("stripe", "dead") == 1);
    assert_true(LAST("stripe") == -1);
}

static void names_that_no_gateway_writes_share_a_row(void **state)
{
    char longest[ENVELOPE_SOURCE_MAX + 2];

    (void)state;
    assert_true(EVENTS("(others)", "dead") == -1);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    count("", EVENT_DEAD, 1);
    count("Upper \"case\"\n", EVENT_DEAD, 1);
    count("\xff", EVENT_DEAD, 1);
    count(longest, EVENT_DEAD, 1);
    assert_true(EVENTS("(others)", "dead") == 4);
}

static void the_number_of_rows_is_bounded(void **state)
{
    double others = EVENTS("(others)", "stored");

    (void)state;
    for (int i = 0; i < NAMES_MOST + 10; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "s%d", i);
        count(name, EVENT_STORED, 1000000);
    }
    assert_true(EVENTS("s0", "stored") == 1);
    assert_true(EVENTS("s253", "stored") == 1); /* github and stripe came first */
    assert_true(EVENTS("s254", "stored") == -1);
    assert_true(EVENTS("(others)", "stored") == others + 12);
    count("s0", EVENT_STORED, 1000000);
    assert_true(EVENTS("s0", "stored") == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_counts_for_its_source),
        cmocka_unit_test(names_that_no_gateway_writes_share_a_row),
        cmocka_unit_test(the_number_of_rows_is_bounded),
    };

    source_events_register();
    return cmocka_run_group_tests_name("source_events", tests, NULL, NULL);
}
