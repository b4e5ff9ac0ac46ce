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

static struct ticket *make(const char *text)
{
    struct buf properties = {0}, body = {0};
    struct ticket *t;

    buf_append_text(&body, text);
    t = ticket_new("webhooks", SPAN_LITERAL("default"), &properties, &body);
    assert_non_null(t);
    assert_null(body.data);
    return t;
}

static void a_waiter_gets_its_outcome_and_only_the_first(void **state)
{
    struct ticket *t = make("a");

    (void)state;
    assert_true(ticket_is_pending(t));
    ticket_complete(t, TICKET_STORED);
    ticket_complete(t, TICKET_LOST);
    assert_int_equal(ticket_wait(t, clock_monotonic_us() + CLOCK_US_PER_S), TICKET_STORED);
    ticket_release(t);
    ticket_release(t);
}

static void a_waiter_leaves_at_its_deadline_and_the_ticket_outlives_it(void **state)
{
    struct ticket *t = make("a");
    int64_t begun = clock_monotonic_us();

    (void)state;
    assert_int_equal(ticket_wait(t, begun + 20 * CLOCK_US_PER_MS), TICKET_LATE);
    assert_true(clock_monotonic_us() - begun >= 20 * CLOCK_US_PER_MS);
    ticket_release(t);
    assert_false(ticket_is_pending(t));
    ticket_complete(t, TICKET_STORED);
    ticket_release(t);
}

static void a_line_is_taken_whole_first_in_first(void **state)
{
    struct ticket_line line = {NULL};
    struct ticket *pushed[3], *t;

    (void)state;
    assert_true(ticket_line_is_empty(&line));
    assert_null(ticket_take(&line));
    for (int i = 0; i < 3; i++) {
        pushed[i] = make("x");
        ticket_push(&line, pushed[i]);
    }
    assert_false(ticket_line_is_empty(&line));
    t = ticket_take(&line);
    assert_true(ticket_line_is_empty(&line));
    for (int i = 0; i < 3; i++) {
        struct ticket *next = t->next;

        assert_ptr_equal(t, pushed[i]);
        ticket_release(t);
        ticket_release(t);
        t = next;
    }
    assert_null(t);
}

static struct ticket_line shared;
static atomic_int stored;

static void *send_many(void *unused)
{
    for (int i = 0; i < EACH; i++) {
        struct buf properties = {0}, body = {0};
        struct ticket *t = ticket_new("webhooks", SPAN_LITERAL("default"), &properties, &body);

        if (t == NULL) {
            continue;
        }
        ticket_push(&shared, t);
        if (ticket_wait(t, clock_monotonic_us() + 30 * CLOCK_US_PER_S) == TICKET_STORED) {
            (void)atomic_fetch_add(&stored, 1);
        }
        ticket_release(t);
    }
    return unused;
}

static void many_senders_and_one_taker_lose_no_ticket(void **state)
{
    pthread_t senders[SENDERS];
    int taken = 0;
    int64_t until = clock_monotonic_us() + 60 * CLOCK_US_PER_S;

    (void)state;
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_create(&senders[i], NULL, send_many, NULL), 0);
    }
    while (taken < SENDERS * EACH && clock_monotonic_us() < until) {
        struct ticket *t = ticket_take(&shared);

        while (t != NULL) {
            struct ticket *next = t->next;

            ticket_complete(t, TICKET_STORED);
            ticket_release(t);
            taken++;
            t = next;
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
        cmocka_unit_test(a_waiter_gets_its_outcome_and_only_the_first),
        cmocka_unit_test(a_waiter_leaves_at_its_deadline_and_the_ticket_outlives_it),
        cmocka_unit_test(a_line_is_taken_whole_first_in_first),
        cmocka_unit_test(many_senders_and_one_taker_lose_no_ticket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
