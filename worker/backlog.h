/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BACKLOG_H
#define SLUICE_WORKER_BACKLOG_H

/* The events that wait in the worker: ordinary ones, which go together, and those that go alone, so that they
 * can harm nobody: suspects of killing their worker, and events that have failed by themselves. Those are
 * parked, each until its own time. Pure. */

#include "event.h"

/* A suspect goes after all ordinary events, but waits no longer than this for them to end. */
#define BACKLOG_SUSPECT_WAIT_US INT64_C(10000000)

struct backlog {
    struct event_queue ordinary, suspects;
    struct event **parked; /* a heap, the earliest not_before_us first */
    size_t parked_count, most;
};

/* most: events that may be parked at once. */
MUST_CHECK enum error_code backlog_init(struct backlog *backlog, size_t most, struct error *error);
/* Takes over an event that may go at once, with others unless it is a suspect. */
void backlog_add(struct backlog *backlog, struct event *event);
/* Takes over an event that has failed by itself: it goes alone, from its not_before_us on. */
void backlog_park(struct backlog *backlog, struct event *event);
/* All that is parked may go at once: what stopped it has ended. */
void backlog_wake(struct backlog *backlog, int64_t now_us);
/* The next suspect, now the caller's, when no ordinary event waits or it has waited long. NULL: none now. */
struct event *backlog_take_suspect(struct backlog *backlog, int64_t now_us);
/* The next parked event whose time has come, now the caller's. NULL: none now. */
struct event *backlog_take_parked(struct backlog *backlog, int64_t now_us);
/* When these will have one; INT64_MAX: not by time alone. */
int64_t backlog_suspect_due_us(const struct backlog *backlog);
int64_t backlog_parked_due_us(const struct backlog *backlog);
/* Moves all ordinary events to the end of `into`. */
void backlog_take_ordinary(struct backlog *backlog, struct event_queue *into);
/* Moves those that came before before_us to the end of `into`. */
void backlog_take_older(struct backlog *backlog, int64_t before_us, struct event_queue *into);
/* Ordinary events and suspects. */
size_t backlog_waiting(const struct backlog *backlog);
/* Frees all events. */
void backlog_clear(struct backlog *backlog);
void backlog_free(struct backlog *backlog);

#endif
