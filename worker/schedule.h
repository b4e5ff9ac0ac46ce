/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SCHEDULE_H
#define SLUICE_WORKER_SCHEDULE_H

/* Decides which event is tried when, and together with which others. New events wait here, and failed ones
 * come back here. No event waits for one that can't be stored: new events go in batches; events that failed
 * on their own are tried one at a time, for at most half of the time while a batch waits; the events of a
 * braked source are held apart. Pure, except for its gauge and the log
 * lines of worker/judge. */

#include "backlog.h"
#include "judge.h"

struct schedule {
    struct judge judge;
    struct backlog backlog;
    bool batch_next;          /* an event was tried alone last: a waiting batch comes next */
    int64_t parked_resume_us; /* while a batch waits, no parked event is tried before this time */
};

enum schedule_turn {
    SCHEDULE_NOTHING,
    SCHEDULE_BATCH, /* a batch from backlog.ordinary */
    SCHEDULE_ALONE, /* one event alone */
};

enum schedule_fate {
    SCHEDULE_SETTLED, /* the caller acks it */
    SCHEDULE_RETRY,   /* the caller gives it to worker/retry */
    SCHEDULE_KEPT,    /* the schedule owns it; if struck, its next attempt is at not_before_us */
};

/* Before threads start. */
void schedule_register(void);
/* most: the highest number of events held here. */
MUST_CHECK enum error_code schedule_init(struct schedule *s, size_t most, struct error *error);
/* True when the event's source is braked: schedule_add would hold it. */
bool schedule_would_hold(struct schedule *s, const struct event *event);
/* Takes ownership of a new event. Returns true when its source is braked: the event is held. */
bool schedule_add(struct schedule *s, struct event *event);
/* Decides what a ready slot should store now. carries_alone: another slot is storing an event alone. For
 * SCHEDULE_ALONE the event is in *alone, and the caller owns it. */
enum schedule_turn schedule_next(struct schedule *s, bool carries_alone, struct event **alone,
                                 int64_t now_us);
/* When schedule_next will next have work without new events; INT64_MAX: not by time alone. */
int64_t schedule_due_us(const struct schedule *s, bool carries_alone, int64_t now_us);
/* True when a batch waits and may be stored now. */
bool schedule_wants_slot(const struct schedule *s, int64_t now_us);
/* Evaluates a finished batch, which a slot began to store at begun_us; alone: as a single event on purpose.
 * The caller must then call schedule_fate for each of its events. */
void schedule_came_back(struct schedule *s, const struct batch *batch, bool alone, int64_t begun_us,
                        int64_t now_us);
/* Decides what happens to an event of a finished batch. Takes ownership of it only for SCHEDULE_KEPT. */
enum schedule_fate schedule_fate(struct schedule *s, struct event *event, int64_t now_us);
/* Moves all events delivered before before_us to the end of `into`. */
void schedule_take_older(struct schedule *s, int64_t before_us, struct event_queue *into);
/* Shows by a gauge how many sources are braked. */
void schedule_show(const struct schedule *s);
/* Frees all waiting events: their channel is closed, and the broker redelivers them. */
void schedule_clear(struct schedule *s);
void schedule_free(struct schedule *s);

#endif
