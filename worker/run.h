/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RUN_H
#define SLUICE_WORKER_RUN_H

/* A run sends the events of a batch that need it down one session, as one pipeline, and reads what became of
 * each. The pipeline is cut into segments, each an implicit transaction with a sync of its own; a dead letter
 * is a segment of its own. Of several segments none waits for the disk: one flush at the end of the
 * run serves all (synchronous_commit is off meanwhile). So nothing counts as stored before the whole run has
 * been answered. Nothing here waits. One thread. */

#include "batch.h"
#include "session.h"

enum run_progress {
    RUN_PENDING,  /* answers are still to come */
    RUN_ANSWERED, /* each event has its state, and result says the rest */
    RUN_BROKEN,   /* the connection is gone, or may not be used again; the session says why. Call run_lost */
};

struct run_item;

/* What a run came to as a whole. */
struct run_result {
    size_t stored;                /* events, dead letters not counted */
    size_t strikes;               /* segments that failed */
    bool timeout;                 /* one of them by waiting too long */
    bool at_commit;               /* one of several events failed at its sync, which doesn't say for which */
    bool servers;                 /* one failed by the server's trouble, which all others would meet */
    char sqlstate[SQLSTATE_SIZE]; /* of the last one that failed */
    enum verdict verdict;
};

struct run {
    int64_t tiers; /* an event that may cure itself is a dead letter after so many retries */
    const char *worker;
    struct run_item *items; /* statements, in order */
    size_t count;
    size_t at;              /* the first that has no answer */
    size_t begin;           /* the first of the segment whose sync has not come */
    size_t struck;          /* the one in it that failed; SIZE_MAX: none; count: its sync did */
    uint64_t stored_before; /* by this worker, when the batch began */
    struct run_result result;
    bool unsent; /* the socket didn't take everything */
    struct buf scratch;
};

/* For batches of at most most_events. worker (a name for people) must outlive it. */
MUST_CHECK enum error_code run_init(struct run *run, size_t most_events, int64_t tiers, const char *worker,
                                    struct error *error);
/* Takes what of the batch needs a run: the waiting events, in segments of at most `most` that end where one
 * has failed, too (what stood before it is known to be good); and those that are to be buried: poison, or to
 * be retried with no retry left. False: there is none. stored: how many events this worker has stored. */
bool run_plan(struct run *run, const struct batch *batch, size_t most, uint64_t stored);
/* Sends it. False: as RUN_BROKEN. */
MUST_CHECK bool run_send(struct run *run, struct session *session);
/* Reads as many answers as are there, and sends what is left. After RUN_ANSWERED an event is stored or dead,
 * is EVENT_FAILED and struck, or is EVENT_WAITING as it was, since another one of its segment failed. */
enum run_progress run_step(struct run *run, struct session *session);
/* The connection ended, with this batch: what has no answer may be stored or not, and the merge makes the
 * same again harmless. Each unsettled event is failed as transient (one that is malformed stays as it was).
 */
void run_lost(struct run *run, struct batch *batch, const struct session *session);
void run_free(struct run *run);

#endif
