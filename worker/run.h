/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RUN_H
#define SLUICE_WORKER_RUN_H

/* A run sends the unsettled events of a batch over one session as one pipeline, and reads the outcome of
 * each. The pipeline consists of segments: each is an implicit transaction that ends with a sync, and each
 * dead letter is a segment of its own. When there are several segments, synchronous_commit is off and one
 * flush at the end makes them all durable; so nothing counts as stored before the whole run is answered.
 * Never blocks. One thread. */

#include "batch.h"
#include "session.h"

enum run_progress {
    RUN_PENDING,  /* answers are outstanding */
    RUN_ANSWERED, /* each event has its state; run.result describes the run as a whole */
    RUN_BROKEN,   /* the connection is lost or unusable; the session says why. Call run_lost */
};

struct run_item;

/* The outcome of a run as a whole. */
struct run_result {
    size_t stored;  /* events stored, without dead letters */
    size_t strikes; /* segments that failed */
    bool timeout;   /* a segment exceeded lock_timeout or statement_timeout */
    bool at_commit; /* a segment of several events failed at its sync: no single event to blame */
    bool servers;   /* a segment failed with an error that all others would get, too */
    char sqlstate[SQLSTATE_SIZE]; /* of the last failed segment, as is the verdict */
    enum verdict verdict;
};

struct run {
    int64_t tiers; /* number of retries after which VERDICT_LATER makes a dead letter */
    const char *worker;
    struct run_item *items; /* statements, in order */
    size_t count;
    size_t at;              /* the first item without an answer */
    size_t begin;           /* the first item of the segment whose sync is outstanding */
    size_t struck;          /* the failed item of that segment; SIZE_MAX: none; count: its sync failed */
    uint64_t stored_before; /* events that this worker had stored when the batch began */
    struct run_result result;
    bool unsent; /* libpq has data left that the socket did not accept */
    struct buf scratch;
};

/* For batches of at most most_events. worker (this worker's name, for dead letters) must outlive it. */
MUST_CHECK enum error_code run_init(struct run *run, size_t most_events, int64_t tiers, const char *worker,
                                    struct error *error);
/* Plans a run for the batch: the waiting events, and a dead letter for each poison event and each
 * VERDICT_LATER event without a retry left. Segments hold at most `most` events; a segment also ends before
 * an event that has failed, because the events before it are known to be good. Returns false when there is
 * nothing to do. stored: number of events that this worker has stored so far. */
bool run_plan(struct run *run, const struct batch *batch, size_t most, uint64_t stored);
/* Sends the run. Returns false in the cases of RUN_BROKEN. */
MUST_CHECK bool run_send(struct run *run, struct session *session);
/* Reads the answers that have arrived and sends what is left. After RUN_ANSWERED each event is stored or
 * dead, EVENT_FAILED and struck, or still EVENT_WAITING because another event of its segment failed. */
enum run_progress run_step(struct run *run, struct session *session);
/* Ends a run whose connection was lost. An event without an answer may be stored or not; the merge makes a
 * second attempt harmless. Each unsettled readable event becomes EVENT_FAILED with VERDICT_TRANSIENT. */
void run_lost(struct run *run, struct batch *batch, const struct session *session);
void run_free(struct run *run);

#endif
