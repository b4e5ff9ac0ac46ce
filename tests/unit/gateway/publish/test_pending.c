/* SPDX-License-Identifier: MIT */
#include "gateway/publish/pending.h"

#include "clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENDERS 4
#define EACH 500

static struct pending *make(const char *text)
{
    static struct body_memory memory = {.most = 1 << 20};
    struct buf properties = {0};
    struct body body = {.memory = &memory};
    struct pending *e;

    assert_int_equal(body_reserve(&body, 100), BODY_ROOM);
    buf_append_text(&body.bytes, text);
    e = pending_new("webhooks", SPAN_LITERAL("default"), &properties, &body);
    assert_non_null(e);
    assert_null(body.bytes.data);
    return e;
}

static void a_waiter_gets_the_first_outcome_only(void **state)
{
    struct pending *e = make("a");

    (void)state;
    assert_true(pending_is_unanswered(e));
    pending_complete(e, OUTCOME_QUEUED);
    pending_complete(e, OUTCOME_LOST);
    assert_int_equal(pending_wait(e, clock_monotonic_us() + CLOCK_US_PER_S), OUTCOME_QUEUED);
    pending_release(e);
    pending_release(e);
}

static void after_its_waiters_deadline_an_event_stays_with_the_publisher(void **state)
{
    struct pending *e = make("a");
    int64_t begun = clock_monotonic_us();

    (void)state;
    assert_int_equal(pending_wait(e, begun + 20 * CLOCK_US_PER_MS), OUTCOME_LATE);
    assert_true(clock_monotonic_us() - begun >= 20 * CLOCK_US_PER_MS);
    pending_release(e);
    assert_false(pending_is_unanswered(e));
    pending_complete(e, OUTCOME_QUEUED);
    pending_release(e);
}

static void all_waiting_events_are_taken_in_the_order_of_arrival(void **state)
{
    struct pending_line line = {NULL};
    struct pending *pushed[3], *e;

    (void)state;
    assert_true(pending_line_is_empty(&line));
    assert_null(pending_take(&line));
    for (int i = 0; i < 3; i++) {
        pushed[i] = make("x");
        pending_push(&line, pushed[i]);
    }
    assert_false(pending_line_is_empty(&line));
    e = pending_take(&line);
    assert_true(pending_line_is_empty(&line));
    for (int i = 0; i < 3; i++) {
        struct pending *next = e->next;

        assert_ptr_equal(e, pushed[i]);
        pending_release(e);
        pending_release(e);
        e = next;
    }
    assert_null(e);
}

static struct pending_line shared;
static atomic_int stored;

static void *send_many(void *unused)
{
    for (int i = 0; i < EACH; i++) {
        struct buf properties = {0};
        struct body body = {0};
        struct pending *e = pending_new("webhooks", SPAN_LITERAL("default"), &properties, &body);

        if (e == NULL) {
            continue;
        }
        pending_push(&shared, e);
        if (pending_wait(e, clock_monotonic_us() + 30 * CLOCK_US_PER_S) == OUTCOME_QUEUED) {
            (void)atomic_fetch_add(&stored, 1);
        }
        pending_release(e);
    }
    return unused;
}

static void no_event_is_lost_between_many_threads_and_one_publisher(void **state)
{
    pthread_t senders[SENDERS];
    int taken = 0;
    int64_t until = clock_monotonic_us() + 60 * CLOCK_US_PER_S;

    (void)state;
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_create(&senders[i], NULL, send_many, NULL), 0);
    }
    while (taken < SENDERS * EACH && clock_monotonic_us() < until) {
        struct pending *e = pending_take(&shared);

        while (e != NULL) {
            struct pending *next = e->next;

            pending_complete(e, OUTCOME_QUEUED);
            pending_release(e);
            taken++;
            e = next;
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(senders[i], NULL), 0);
    }
    assert_int_equal(taken, SENDERS * EACH);
    assert_int_equal(atomic_load(&stored), SENDERS * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiter_gets_the_first_outcome_only),
        cmocka_unit_test(after_its_waiters_deadline_an_event_stays_with_the_publisher),
        cmocka_unit_test(all_waiting_events_are_taken_in_the_order_of_arrival),
        cmocka_unit_test(no_event_is_lost_between_many_threads_and_one_publisher),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
