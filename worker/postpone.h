/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_POSTPONE_H
#define SLUICE_WORKER_POSTPONE_H

/* Events that this worker doesn't store now, though they did not fail, leave it: unchanged to a retry queue
 * or, when that is impossible, back to their own queue. One thread. */

#include "deliver.h"
#include "retry.h"
#include "schedule.h"

struct postpone {
    const struct worker_settings *settings;
    struct deliver *deliver;
    struct schedule *schedule;
    struct retry *retry;
    int64_t check_us; /* when to look for overdue events again */
};

/* Takes ownership of an event and postpones it by the delay of this tier. reason: for the log. */
void postpone_event(struct postpone *p, struct event *event, size_t tier, const char *reason, int64_t now_us);
/* Takes an event of a bundle that can't be stored now, and lets it go on alone, through the first retry
 * queue, so that its bundle can be acked: a few such events must not use up the prefetch. False, with the
 * event still the caller's: it isn't one, or retries are in trouble. */
bool postpone_bundled(struct postpone *p, struct event *event, const char *reason, int64_t now_us);
/* While retries are in trouble: takes back the events that wait there only because their bundle came back too
 * often, and has them stored, each alone. Else they would wait as long as the trouble lasts. */
void postpone_take_back(struct postpone *p);
/* The held events of braked sources must leave half of the prefetch to other sources: postpones the rest. */
void postpone_surplus(struct postpone *p, int64_t now_us);
/* Once a second: postpones events that could not be stored for WORKER_HOLD, before RabbitMQ's
 * consumer_timeout closes the channel. Only with a connection to the database: without one, all events go
 * back together (see place_release_due). */
void postpone_overdue(struct postpone *p, int64_t now_us);

#endif
