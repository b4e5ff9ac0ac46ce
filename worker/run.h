/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RUN_H
#define SLUICE_WORKER_RUN_H

/* A run sends some events of a batch down one session and reads what becomes of each.
 *
 * Together: one pipeline with one sync, so that it is one implicit transaction; nothing counts as
 * stored before the sync's result came without an error. Singly: a sync after each, so that every event has a
 * transaction and a verdict of its own, at linear cost. Bury: dead letters, each in a transaction of
 * its own. Nothing here waits. One thread. */

#include "batch.h"
#include "session.h"

enum run_kind { RUN_TOGETHER, RUN_SINGLY, RUN_BURY };

enum run_progress {
    RUN_PENDING,  /* answers are still to come */
    RUN_ANSWERED, /* each event has its state */
    RUN_BROKEN,   /* the connection is gone; the session says why. Call run_lost */
};

struct run {
    enum run_kind kind;
    int64_t tiers; /* an event that may cure itself is a dead letter after so many retries */
    const char *worker;
    struct event **events; /* those under way, in the batch's order */
    size_t count;
    size_t answered; /* statements that have an answer */
    size_t synced;   /* syncs that have come */
    size_t syncs;    /* syncs that were sent */
    bool failed;     /* something failed: the session says what */
    bool unsent;     /* the socket didn't take everything */
    struct buf scratch;
};

/* For batches of at most most_events. worker (a name for people) must outlive it. */
MUST_CHECK enum error_code run_init(struct run *run, size_t most_events, int64_t tiers, const char *worker,
                                    struct error *error);
/* Takes those of the batch that belong to a run of this kind: the waiting ones or, for RUN_BURY, those whose
 * own fault it is that they failed, for good or after the last retry. False: there is none. */
bool run_select(struct run *run, enum run_kind kind, const struct batch *batch);
/* Sends them. False: as RUN_BROKEN. */
MUST_CHECK bool run_send(struct run *run, struct session *session);
/* Reads as many answers as are there, and sends what is left. */
enum run_progress run_step(struct run *run, struct session *session);
/* After RUN_ANSWERED: settles what the answers mean. The kind of run that the batch needs next; RUN_BURY
 * after a RUN_BURY: none. */
enum run_kind run_settle(struct run *run, const struct session *session);
/* The connection ended, with this batch: what has no answer may be stored or not, and the merge makes the
 * same again harmless. Each unsettled event is failed as transient (one that is malformed stays as it was).
 */
void run_lost(struct run *run, struct batch *batch, const struct session *session);
void run_free(struct run *run);

#endif
