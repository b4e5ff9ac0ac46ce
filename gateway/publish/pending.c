/* SPDX-License-Identifier: MIT */
#include "pending.h"

#include "clock.h"

#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct ticket *ticket_new(const char *exchange, struct span source, struct buf *properties, struct buf *body)
{
    struct ticket *t = malloc(sizeof *t);

    if (t != NULL) {
        *t = (struct ticket){.properties = *properties, .body = *body, .references = 2};
        (void)snprintf(t->exchange, sizeof t->exchange, "%s", exchange);
        memcpy(t->source, source.data, source.len < sizeof t->source ? source.len : sizeof t->source - 1);
        *properties = (struct buf){0};
        *body = (struct buf){0};
    }
    return t;
}

static bool set_once(struct ticket *t, enum ticket_outcome outcome)
{
    unsigned pending = TICKET_PENDING;

    return atomic_compare_exchange_strong(&t->outcome, &pending, outcome);
}

void ticket_complete(struct ticket *t, enum ticket_outcome outcome)
{
    if (set_once(t, outcome)) {
        (void)syscall(SYS_futex, &t->outcome, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

bool ticket_is_pending(struct ticket *t)
{
    return atomic_load(&t->outcome) == TICKET_PENDING;
}

enum ticket_outcome ticket_wait(struct ticket *t, int64_t deadline_us)
{
    while (ticket_is_pending(t)) {
        int64_t left = deadline_us - clock_monotonic_us();
        struct timespec timeout = {left / CLOCK_US_PER_S, left % CLOCK_US_PER_S * 1000};

        if (left <= 0) {
            (void)set_once(t, TICKET_LATE);
            break;
        }
        (void)syscall(SYS_futex, &t->outcome, FUTEX_WAIT_PRIVATE, TICKET_PENDING, &timeout, NULL, 0);
    }
    return (enum ticket_outcome)atomic_load(&t->outcome);
}

void ticket_release(struct ticket *t)
{
    if (atomic_fetch_sub(&t->references, 1) == 1) {
        buf_free(&t->properties);
        buf_free(&t->body);
        free(t);
    }
}

void ticket_push(struct ticket_line *line, struct ticket *t)
{
    t->next = atomic_load(&line->last);
    while (!atomic_compare_exchange_weak(&line->last, &t->next, t)) {
    }
}

struct ticket *ticket_take(struct ticket_line *line)
{
    struct ticket *t = atomic_exchange(&line->last, NULL);
    struct ticket *first = NULL;

    while (t != NULL) {
        struct ticket *before = t->next;

        t->next = first;
        first = t;
        t = before;
    }
    return first;
}

bool ticket_line_is_empty(struct ticket_line *line)
{
    return atomic_load(&line->last) == NULL;
}
