/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SCHEDULE_H
#define SLUICE_WORKER_SCHEDULE_H

/* Which event is tried when, and with whom: what has arrived waits here, what has failed comes back here. No
 * event waits for another one that can't be stored. Good ones go in batches; what has failed by itself goes
 * alone, one at a time, for at most half of the time while a batch waits; the events of a braked source wait
 * apart. Pure, but for the log lines of worker/judge. */

#include "backlog.h"
#include "judge.h"

struct schedule {
    struct judge judge;
    struct backlog backlog;
    bool batch_next;          /* the last one went alone: a batch that waits comes next */
    int64_t parked_resume_us; /* nothing that is parked goes before, while a batch waits */
};

enum schedule_turn {
    SCHEDULE_NOTHING,
    SCHEDULE_BATCH, /* of backlog.ordinary */
    SCHEDULE_ALONE,
};

enum schedule_fate {
    SCHEDULE_SETTLED, /* needs only its ack */
    SCHEDULE_RETRY,   /* for worker/retry */
    SCHEDULE_KEPT,    /* taken over; not_before_us says when it goes next if it is struck */
};

/* most: events that may be here at once. */
MUST_CHECK enum error_code schedule_init(struct schedule *s, size_t most, struct error *error);
/* Takes over an event that has arrived. True: its source is braked, so that nothing is tried with it now. */
bool schedule_add(struct schedule *s, struct event *event);
/* What a slot that is ready carries now. carries_alone: another one carries an event alone. *alone is
 * the event of SCHEDULE_ALONE, now the caller's. */
enum schedule_turn schedule_next(struct schedule *s, bool carries_alone, struct event **alone,
                                 int64_t now_us);
/* When schedule_next will have something though nothing comes; INT64_MAX: not by time alone. */
int64_t schedule_due_us(const struct schedule *s, bool carries_alone, int64_t now_us);
/* True when a batch waits and may go. */
bool schedule_wants_slot(const struct schedule *s, int64_t now_us);
/* A batch has come back, one that went alone if `alone`; it began at begun_us. Then schedule_fate for each of
 * its events. */
void schedule_came_back(struct schedule *s, const struct batch *batch, bool alone, int64_t begun_us,
                        int64_t now_us);
enum schedule_fate schedule_fate(struct schedule *s, struct event *event, int64_t now_us);
/* Moves what came before before_us, and does not go by itself soon, to the end of `into`. */
void schedule_take_older(struct schedule *s, int64_t before_us, struct event_queue *into);
/* Frees all that waits: it came by a channel that is gone. */
void schedule_clear(struct schedule *s);
void schedule_free(struct schedule *s);

#endif
