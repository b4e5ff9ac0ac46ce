/* SPDX-License-Identifier: MIT */
#include "worker/sources.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

#define LONGEST UINT32_MAX /* the random number that makes a wait its longest */
#define S CLOCK_US_PER_S

static struct sources sources;

static int fresh(void **state)
{
    (void)state;
    sources_clear(&sources);
    sources_init(&sources);
    return 0;
}

static enum brake_news count_one(const char *source, enum event_state what, int64_t attempt, bool probe,
                                 int64_t now_us)
{
    struct event *event = make_event(source, "1", 1);
    enum brake_news news;

    if (what == EVENT_FAILED) {
        event_fail(event, VERDICT_LATER, "P0001", "no");
        event->struck = true;
    }
    event->state = what;
    event->envelope.attempt = attempt;
    event->probe = probe;
    news = sources_count(&sources, event, LONGEST, now_us);
    event_free(event);
    return news;
}

static void count(const char *source, enum event_state what, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        (void)count_one(source, what, 0, false, 0);
    }
}

static void brake(const char *source)
{
    count(source, EVENT_DEAD, 101);
    assert_ptr_equal(sources_settle(&sources, LONGEST, 0), sources_find(&sources, span_of(source)));
    assert_null(sources_settle(&sources, LONGEST, 0));
}

static bool hold(const char *source)
{
    struct event *event = make_event(source, "held", 1);

    if (sources_hold(&sources, event)) {
        return true;
    }
    event_free(event);
    return false;
}

static void one_source_is_braked_and_the_others_go_on(void **state)
{
    (void)state;
    count("good", EVENT_STORED, 50);
    brake("bad");
    assert_int_equal(sources_braked(&sources), 1);
    assert_true(hold("bad"));
    assert_false(hold("good"));
    assert_int_equal(sources.held, 1);
    assert_int_equal(sources_settle_worker(&sources, LONGEST, 0), BRAKE_SAME);
    assert_false(brake_is_on(&sources.worker));
}

static void later_counts_as_dead_does_but_what_is_nobodys_fault_does_not(void **state)
{
    struct event *event = make_event("s", "1", 1);

    (void)state;
    count("s", EVENT_FAILED, 60);
    event_fail(event, VERDICT_TRANSIENT, "53100", "disk full");
    event->struck = true;
    for (size_t i = 0; i < 500; i++) {
        (void)sources_count(&sources, event, LONGEST, 0);
        (void)count_one("s", EVENT_FAILED, 1, false, 0); /* a retry, refused again */
    }
    assert_null(sources_settle(&sources, LONGEST, 0));
    count("s", EVENT_DEAD, 41);
    assert_non_null(sources_settle(&sources, LONGEST, 0));
    event_free(event);
}

static void the_workers_own_brake_needs_several_braked_sources_and_most_events_refused(void **state)
{
    (void)state;
    brake("one");
    assert_int_equal(sources_settle_worker(&sources, LONGEST, 0), BRAKE_SAME);
    brake("two");
    count("good", EVENT_STORED, 150);
    assert_int_equal(sources_settle_worker(&sources, LONGEST, 0), BRAKE_SAME);
    count("three", EVENT_DEAD, 101);
    assert_int_equal(sources_settle_worker(&sources, LONGEST, 0), BRAKE_PUT_ON);
    assert_true(brake_is_on(&sources.worker));
}

static void the_probe_of_a_source_is_one_of_its_held_events_after_its_wait(void **state)
{
    struct event *probe;
    struct event_queue released = {0};

    (void)state;
    brake("bad");
    assert_true(sources_probe_due_us(&sources) == INT64_MAX); /* it has none */
    assert_true(hold("bad") && hold("bad"));
    assert_int_equal(sources_probe_due_us(&sources), S);
    assert_null(sources_take_probe(&sources, S - 1));
    probe = sources_take_probe(&sources, S);
    assert_non_null(probe);
    assert_true(probe->probe);
    assert_null(sources_take_probe(&sources, 2 * S));
    probe->state = EVENT_STORED;
    assert_int_equal(sources_count(&sources, probe, LONGEST, 2 * S), BRAKE_RELEASED);
    assert_int_equal(sources_braked(&sources), 0);
    sources_release(&sources, sources_find(&sources, SPAN_LITERAL("bad")), &released);
    assert_int_equal(released.count, 1);
    assert_int_equal(sources.held, 0);
    assert_false(hold("bad"));
    event_queue_clear(&released);
    event_free(probe);
}

static void after_a_probe_that_failed_by_itself_the_next_one_waits(void **state)
{
    struct event *probe;

    (void)state;
    brake("bad");
    assert_true(hold("bad") && hold("bad"));
    probe = sources_take_probe(&sources, S);
    event_fail(probe, VERDICT_TRANSIENT, "55P03", "locked");
    probe->struck = true;
    assert_int_equal(sources_count(&sources, probe, LONGEST, 3 * S), BRAKE_SAME);
    event_free(probe);
    assert_int_equal(sources_probe_due_us(&sources), 5 * S);
    assert_null(sources_take_probe(&sources, 5 * S - 1));
    event_free(sources_take_probe(&sources, 5 * S));
}

static void of_several_probes_the_one_that_is_due_for_longest_comes_first(void **state)
{
    struct event *probe;

    (void)state;
    brake("one");
    brake("two");
    assert_true(hold("one") && hold("one") && hold("two"));
    probe = sources_take_probe(&sources, 2 * S);
    assert_true(span_equal(probe->envelope.source, SPAN_LITERAL("one")));
    event_fail(probe, VERDICT_TRANSIENT, "", "lost with its connection: another at once");
    (void)sources_count(&sources, probe, LONGEST, 2 * S);
    event_free(probe);
    probe = sources_take_probe(&sources, 2 * S);
    assert_true(span_equal(probe->envelope.source, SPAN_LITERAL("two")));
    event_free(probe);
}

static void the_workers_probe_is_an_ordinary_event_or_else_a_held_one(void **state)
{
    struct event_queue ordinary = {0};
    struct event *probe;

    (void)state;
    brake("one");
    brake("two");
    assert_int_equal(sources_settle_worker(&sources, LONGEST, 0), BRAKE_PUT_ON);
    assert_true(hold("two"));
    event_queue_push(&ordinary, make_event("good", "1", 1));
    assert_int_equal(sources_probe_due_us(&sources), S);
    assert_null(sources_take_worker_probe(&sources, &ordinary, S - 1));
    probe = sources_take_worker_probe(&sources, &ordinary, S);
    assert_true(span_equal(probe->envelope.source, SPAN_LITERAL("good")));
    event_fail(probe, VERDICT_TRANSIENT, "", "lost"); /* no verdict: another probe at once */
    (void)sources_count(&sources, probe, LONGEST, S);
    event_free(probe);
    probe = sources_take_worker_probe(&sources, &ordinary, S);
    assert_true(span_equal(probe->envelope.source, SPAN_LITERAL("two")));
    probe->state = EVENT_STORED;
    (void)sources_count(&sources, probe, LONGEST, S);
    assert_false(brake_is_on(&sources.worker));
    event_free(probe);
    brake("three");
    count("four", EVENT_DEAD, 101);
    assert_int_equal(sources_settle_worker(&sources, LONGEST, 0), BRAKE_PUT_ON);
    assert_null(sources_take_worker_probe(&sources, &ordinary, S)); /* there is none */
}

static void the_surplus_is_taken_from_who_holds_the_most(void **state)
{
    int64_t since_us;
    struct event *event;

    (void)state;
    assert_null(sources_take_surplus(&sources, &since_us));
    brake("one");
    brake("two");
    assert_true(hold("one") && hold("two") && hold("two"));
    event = sources_take_surplus(&sources, &since_us);
    assert_true(span_equal(event->envelope.source, SPAN_LITERAL("two")));
    assert_int_equal(sources.held, 2);
    event_free(event);
}

static void what_is_held_for_long_is_found(void **state)
{
    struct event_queue old = {0};

    (void)state;
    brake("one");
    assert_true(hold("one") && hold("one"));
    sources_find(&sources, SPAN_LITERAL("one"))->held.tail->delivered_us = 50;
    sources_take_older(&sources, 50, &old);
    assert_int_equal(old.count, 1);
    assert_int_equal(sources.held, 1);
    event_queue_clear(&old);
}

static void more_sources_than_the_table_holds_take_the_place_of_the_least_recently_used(void **state)
{
    char name[16];

    (void)state;
    brake("braked");
    for (int i = 0; i < 3 * SOURCES_MOST; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        (void)sources_find(&sources, span_of(name));
    }
    assert_int_equal(sources.count, SOURCES_MOST);
    assert_true(hold("braked")); /* a brake that is on is never forgotten */
}

static void with_every_place_braked_the_others_share_one_brake(void **state)
{
    struct source *shared = &sources.of[SOURCES_MOST];
    char name[16];

    (void)state;
    for (int i = 0; i < SOURCES_MOST; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        brake(name);
    }
    assert_ptr_equal(sources_find(&sources, SPAN_LITERAL("another")), shared);
    count("another", EVENT_DEAD, 101);
    assert_ptr_equal(sources_settle(&sources, LONGEST, 0), shared);
    assert_true(hold("and-another"));
    assert_int_equal(sources_braked(&sources), SOURCES_MOST + 1);
}

static void a_routing_key_that_is_no_source_has_the_shared_brake(void **state)
{
    struct source *shared = &sources.of[SOURCES_MOST];
    char long_key[200];

    (void)state;
    memset(long_key, 'k', sizeof long_key);
    assert_ptr_equal(sources_find(&sources, (struct span){long_key, sizeof long_key}), shared);
    assert_ptr_equal(sources_find(&sources, SPAN_LITERAL("a\0b")), shared);
    assert_ptr_equal(sources_find(&sources, SPAN_LITERAL("")), shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_source_is_braked_and_the_others_go_on, fresh, fresh),
        cmocka_unit_test_setup_teardown(later_counts_as_dead_does_but_what_is_nobodys_fault_does_not, fresh,
                                        fresh),
        cmocka_unit_test_setup_teardown(
            the_workers_own_brake_needs_several_braked_sources_and_most_events_refused, fresh, fresh),
        cmocka_unit_test_setup_teardown(the_probe_of_a_source_is_one_of_its_held_events_after_its_wait, fresh,
                                        fresh),
        cmocka_unit_test_setup_teardown(after_a_probe_that_failed_by_itself_the_next_one_waits, fresh, fresh),
        cmocka_unit_test_setup_teardown(of_several_probes_the_one_that_is_due_for_longest_comes_first, fresh,
                                        fresh),
        cmocka_unit_test_setup_teardown(the_workers_probe_is_an_ordinary_event_or_else_a_held_one, fresh,
                                        fresh),
        cmocka_unit_test_setup_teardown(the_surplus_is_taken_from_who_holds_the_most, fresh, fresh),
        cmocka_unit_test_setup_teardown(what_is_held_for_long_is_found, fresh, fresh),
        cmocka_unit_test_setup_teardown(
            more_sources_than_the_table_holds_take_the_place_of_the_least_recently_used, fresh, fresh),
        cmocka_unit_test_setup_teardown(with_every_place_braked_the_others_share_one_brake, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_routing_key_that_is_no_source_has_the_shared_brake, fresh, fresh),
    };

    return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
