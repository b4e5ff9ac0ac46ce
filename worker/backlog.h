/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BACKLOG_H
#define SLUICE_WORKER_BACKLOG_H

/* The events that wait in the worker. Ordinary events are stored in batches. Two kinds are tried one at a
 * time, so that they cannot harm other events: suspects, which may have killed a worker, and parked events,
 * which have failed on their own and wait for their next attempt. Pure. */

#include "event.h"

/* A suspect waits for the ordinary events, but not longer than this. */
#define BACKLOG_SUSPECT_WAIT_US INT64_C(10000000)

struct backlog {
    struct event_queue ordinary, suspects;
    struct event **parked; /* a heap, the earliest not_before_us first */
    size_t parked_count, most;
};

/* most: the highest number of parked events. */
MUST_CHECK enum error_code backlog_init(struct backlog *backlog, size_t most, struct error *error);
/* Takes ownership of an event that has no wait of its own: ordinary, or a suspect (event_is_suspect). */
void backlog_add(struct backlog *backlog, struct event *event);
/* Takes ownership of an event that has failed on its own: it is tried alone, not before its not_before_us. */
void backlog_park(struct backlog *backlog, struct event *event);
/* Makes all parked events due now: the database stores again. */
void backlog_wake(struct backlog *backlog, int64_t now_us);
/* Returns the next suspect when no ordinary event waits or the suspect has waited BACKLOG_SUSPECT_WAIT_US,
 * else NULL. The caller owns it. */
struct event *backlog_take_suspect(struct backlog *backlog, int64_t now_us);
/* Returns the next parked event that is due, else NULL. The caller owns it. */
struct event *backlog_take_parked(struct backlog *backlog, int64_t now_us);
/* When the two functions above will next return an event; INT64_MAX when that depends on more than time. */
int64_t backlog_suspect_due_us(const struct backlog *backlog);
int64_t backlog_parked_due_us(const struct backlog *backlog);
/* Moves all ordinary events to the end of `into`. */
void backlog_take_ordinary(struct backlog *backlog, struct event_queue *into);
/* Moves all events delivered before before_us to the end of `into`. */
void backlog_take_older(struct backlog *backlog, int64_t before_us, struct event_queue *into);
/* Number of ordinary events and suspects. */
size_t backlog_waiting(const struct backlog *backlog);
/* Frees all events. */
void backlog_clear(struct backlog *backlog);
void backlog_free(struct backlog *backlog);

#endif
