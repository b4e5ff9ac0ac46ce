/* SPDX-License-Identifier: MIT */
#include "backlog.h"

#include <assert.h>
#include <stdlib.h>

enum error_code backlog_init(struct backlog *b, size_t most, struct error *error)
{
    *b = (struct backlog){.most = most};
    b->parked = calloc(most, sizeof(struct event *));
    return b->parked == NULL ? error_set(error, ERROR_MEMORY, "no memory for %zu parked events", most)
                             : ERROR_NONE;
}

void backlog_add(struct backlog *b, struct event *event)
{
    event_queue_push(event_is_suspect(event) ? &b->suspects : &b->ordinary, event);
}

/* --- the heap ------------------------------------------------------------------------ */

static bool earlier(const struct backlog *b, size_t i, size_t j)
{
    return b->parked[i]->not_before_us < b->parked[j]->not_before_us;
}

static void swap(struct backlog *b, size_t i, size_t j)
{
    struct event *event = b->parked[i];

    b->parked[i] = b->parked[j];
    b->parked[j] = event;
}

static void sift_up(struct backlog *b, size_t i)
{
    while (i > 0 && earlier(b, i, (i - 1) / 2)) {
        swap(b, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct backlog *b, size_t i)
{
    for (;;) {
        size_t left = 2 * i + 1, least = i;

        if (left < b->parked_count && earlier(b, left, least)) {
            least = left;
        }
        if (left + 1 < b->parked_count && earlier(b, left + 1, least)) {
            least = left + 1;
        }
        if (least == i) {
            return;
        }
        swap(b, i, least);
        i = least;
    }
}

void backlog_park(struct backlog *b, struct event *event)
{
    assert(b->parked_count < b->most);
    b->parked[b->parked_count++] = event;
    sift_up(b, b->parked_count - 1);
}

void backlog_wake(struct backlog *b, int64_t now_us)
{
    for (size_t i = 0; i < b->parked_count; i++) {
        struct event *event = b->parked[i];

        event->not_before_us = event->not_before_us < now_us ? event->not_before_us : now_us;
    }
}

/* --- taking -------------------------------------------------------------------------- */

int64_t backlog_suspect_due_us(const struct backlog *b)
{
    if (b->suspects.head == NULL) {
        return INT64_MAX;
    }
    return b->suspects.head->delivered_us + (b->ordinary.head == NULL ? 0 : BACKLOG_SUSPECT_WAIT_US);
}

struct event *backlog_take_suspect(struct backlog *b, int64_t now_us)
{
    return now_us >= backlog_suspect_due_us(b) ? event_queue_pop(&b->suspects) : NULL;
}

int64_t backlog_parked_due_us(const struct backlog *b)
{
    return b->parked_count > 0 ? b->parked[0]->not_before_us : INT64_MAX;
}

struct event *backlog_take_parked(struct backlog *b, int64_t now_us)
{
    struct event *event;

    if (now_us < backlog_parked_due_us(b)) {
        return NULL;
    }
    event = b->parked[0];
    b->parked[0] = b->parked[--b->parked_count];
    sift_down(b, 0);
    return event;
}

void backlog_take_ordinary(struct backlog *b, struct event_queue *into)
{
    event_queue_take_older(&b->ordinary, INT64_MAX, into);
}

void backlog_take_older(struct backlog *b, int64_t before_us, struct event_queue *into)
{
    size_t count = b->parked_count;

    event_queue_take_older(&b->ordinary, before_us, into);
    event_queue_take_older(&b->suspects, before_us, into);
    b->parked_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct event *event = b->parked[i]; /* the heap has at most i entries by now */

        if (event->delivered_us < before_us) {
            event_queue_push(into, event);
        } else {
            backlog_park(b, event);
        }
    }
}

size_t backlog_waiting(const struct backlog *b)
{
    return b->ordinary.count + b->suspects.count;
}

void backlog_clear(struct backlog *b)
{
    event_queue_clear(&b->ordinary);
    event_queue_clear(&b->suspects);
    while (b->parked_count > 0) {
        event_free(b->parked[--b->parked_count]);
    }
}

void backlog_free(struct backlog *b)
{
    backlog_clear(b);
    free(b->parked);
    *b = (struct backlog){0};
}
