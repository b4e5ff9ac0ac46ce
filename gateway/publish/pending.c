/* SPDX-License-Identifier: MIT */
#include "pending.h"

#include "clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NONE_YET UINT_MAX /* not a value of enum outcome */

struct pending *pending_new(const char *exchange, struct span source, struct buf *properties,
                            struct body *body)
{
    struct pending *e = malloc(sizeof *e);

    if (e != NULL) {
        *e = (struct pending){.properties = *properties, .body = *body, .outcome = NONE_YET, .references = 2};
        (void)snprintf(e->exchange, sizeof e->exchange, "%s", exchange);
        memcpy(e->source, source.data, source.len < sizeof e->source ? source.len : sizeof e->source - 1);
        *properties = (struct buf){0};
        *body = (struct body){.memory = body->memory};
    }
    return e;
}

static bool set_once(struct pending *e, enum outcome outcome)
{
    unsigned none = NONE_YET;

    return atomic_compare_exchange_strong(&e->outcome, &none, outcome);
}

void pending_complete(struct pending *e, enum outcome outcome)
{
    if (set_once(e, outcome)) {
        (void)syscall(SYS_futex, &e->outcome, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

bool pending_is_unanswered(struct pending *e)
{
    return atomic_load(&e->outcome) == NONE_YET;
}

enum outcome pending_wait(struct pending *e, int64_t deadline_us)
{
    while (pending_is_unanswered(e)) {
        int64_t left = deadline_us - clock_monotonic_us();
        struct timespec timeout = {left / CLOCK_US_PER_S, left % CLOCK_US_PER_S * 1000};

        if (left <= 0) {
            (void)set_once(e, OUTCOME_LATE);
            break;
        }
        (void)syscall(SYS_futex, &e->outcome, FUTEX_WAIT_PRIVATE, NONE_YET, &timeout, NULL, 0);
    }
    return (enum outcome)atomic_load(&e->outcome);
}

void pending_release(struct pending *e)
{
    if (atomic_fetch_sub(&e->references, 1) == 1) {
        buf_free(&e->properties);
        body_free(&e->body);
        free(e);
    }
}

void pending_finish(struct pending *e, enum outcome outcome)
{
    pending_complete(e, outcome);
    pending_release(e);
}

void pending_push(struct pending_line *line, struct pending *e)
{
    e->next = atomic_load(&line->last);
    while (!atomic_compare_exchange_weak(&line->last, &e->next, e)) {
    }
}

struct pending *pending_take(struct pending_line *line)
{
    struct pending *e = atomic_exchange(&line->last, NULL);
    struct pending *first = NULL;

    while (e != NULL) {
        struct pending *before = e->next;

        e->next = first;
        first = e;
        e = before;
    }
    return first;
}

bool pending_line_is_empty(struct pending_line *line)
{
    return atomic_load(&line->last) == NULL;
}
