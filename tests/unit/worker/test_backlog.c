/* SPDX-License-Identifier: MIT */
#include "worker/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

#define LONG_WAIT BACKLOG_SUSPECT_WAIT_US

static struct backlog make_backlog(size_t most)
{
    struct backlog b;

    assert_int_equal(backlog_init(&b, most, NULL), ERROR_NONE);
    return b;
}

static struct event *suspect_of(const char *id)
{
    struct event *event = make_event("default", id, 1);

    event->envelope.delivery_count = 2;
    return event;
}

static void check_id(struct event *event, const char *id)
{
    assert_non_null(event);
    assert_true(span_equal(event->envelope.id, span_of(id)));
    event_free(event);
}

static void park(struct backlog *b, const char *id, int64_t not_before_us)
{
    struct event *event = make_event("default", id, 1);

    event->not_before_us = not_before_us;
    backlog_park(b, event);
}

static void a_suspect_goes_alone_after_all_others(void **state)
{
    struct backlog b = make_backlog(4);

    (void)state;
    backlog_add(&b, suspect_of("s1"));
    backlog_add(&b, suspect_of("s2"));
    backlog_add(&b, make_event("default", "1", 1));
    assert_int_equal(backlog_waiting(&b), 3);
    assert_null(backlog_take_suspect(&b, 100));
    assert_int_equal(backlog_suspect_due_us(&b), LONG_WAIT);
    event_free(event_queue_pop(&b.ordinary));
    assert_int_equal(backlog_suspect_due_us(&b), 0);
    check_id(backlog_take_suspect(&b, 100), "s1");
    check_id(backlog_take_suspect(&b, 100), "s2");
    assert_null(backlog_take_suspect(&b, 100));
    assert_true(backlog_suspect_due_us(&b) == INT64_MAX);
    backlog_free(&b);
}

static void under_steady_load_a_suspect_waits_no_longer_than_its_bound(void **state)
{
    struct backlog b = make_backlog(4);

    (void)state;
    backlog_add(&b, suspect_of("s"));
    backlog_add(&b, make_event("default", "1", 1));
    assert_null(backlog_take_suspect(&b, LONG_WAIT - 1));
    check_id(backlog_take_suspect(&b, LONG_WAIT), "s");
    backlog_free(&b);
}

static void parked_events_come_alone_each_at_its_own_time(void **state)
{
    enum { EVENTS = 200 };
    struct backlog b = make_backlog(EVENTS);
    int64_t last_us = -1;

    (void)state;
    srand(3);
    for (size_t i = 0; i < EVENTS; i++) {
        park(&b, "x", rand() % 1000);
    }
    backlog_add(&b, make_event("default", "ordinary", 1)); /* does not delay parked events */
    for (size_t i = 0; i < EVENTS; i++) {
        int64_t due_us = backlog_parked_due_us(&b);
        struct event *event;

        assert_null(backlog_take_parked(&b, due_us - 1));
        event = backlog_take_parked(&b, due_us);
        assert_non_null(event);
        assert_true(event->not_before_us >= last_us);
        last_us = event->not_before_us;
        event_free(event);
    }
    assert_true(backlog_parked_due_us(&b) == INT64_MAX);
    backlog_free(&b);
}

static void waking_makes_all_that_is_parked_due(void **state)
{
    struct backlog b = make_backlog(4);

    (void)state;
    park(&b, "late", 1000);
    park(&b, "early", 10);
    backlog_wake(&b, 50);
    check_id(backlog_take_parked(&b, 50), "early");
    check_id(backlog_take_parked(&b, 50), "late");
    backlog_free(&b);
}

static void what_is_old_is_found_wherever_it_waits(void **state)
{
    struct backlog b = make_backlog(8);
    struct event_queue old = {0};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct event *event = i < 2 ? suspect_of("x") : make_event("default", "x", 1);

        event->delivered_us = i % 2 == 0 ? 10 : 20;
        event->not_before_us = (int64_t)(100 - i);
        i < 4 ? backlog_add(&b, event) : backlog_park(&b, event);
    }
    backlog_take_older(&b, 20, &old);
    assert_int_equal(old.count, 4);
    assert_int_equal(backlog_waiting(&b), 2);
    assert_int_equal(b.parked_count, 2);
    assert_int_equal(b.parked[0]->not_before_us, 93);
    event_queue_clear(&old);
    backlog_take_ordinary(&b, &old);
    assert_int_equal(old.count, 1);
    assert_int_equal(backlog_waiting(&b), 1);
    event_queue_clear(&old);
    backlog_free(&b);
}

static void clearing_frees_every_event(void **state)
{
    struct backlog b = make_backlog(4);

    (void)state;
    backlog_add(&b, make_event("a", "1", 1));
    backlog_add(&b, suspect_of("2"));
    park(&b, "3", 1);
    backlog_clear(&b);
    assert_int_equal(backlog_waiting(&b), 0);
    assert_int_equal(b.parked_count, 0);
    backlog_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suspect_goes_alone_after_all_others),
        cmocka_unit_test(under_steady_load_a_suspect_waits_no_longer_than_its_bound),
        cmocka_unit_test(parked_events_come_alone_each_at_its_own_time),
        cmocka_unit_test(waking_makes_all_that_is_parked_due),
        cmocka_unit_test(what_is_old_is_found_wherever_it_waits),
        cmocka_unit_test(clearing_frees_every_event),
    };

    return cmocka_run_group_tests_name("backlog", tests, NULL, NULL);
}
