/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_JUDGE_H
#define SLUICE_WORKER_JUDGE_H

/* Draws the conclusions from the outcomes of batches that go beyond single events: whether the database
 * stores anything at all (the worker pauses while it doesn't), and which sources are braked. Logs, and does
 * no other I/O. */

#include "batch.h"
#include "sources.h"

struct judge {
    struct sources sources;
    uint64_t stored;            /* events stored since the start */
    uint64_t stored_at_failure; /* value of stored at the last failure that no single event caused */
    struct backoff pause;
    int64_t resume_us;        /* no batch starts before this time */
    int64_t failing_since_us; /* nothing was stored since this failure; 0: the last batch stored something */
    int64_t last_stored_us;
    bool put_on;       /* the last batch put a brake on */
    bool needs_repair; /* the last failure was VERDICT_OPERATOR */
};

void judge_init(struct judge *j);
/* Evaluates a finished batch. Starts a pause when the batch failed, no failure is known to be the fault of an
 * event, and nothing was stored since the previous such failure. Moves the events that a released brake had
 * held to `released`. Returns true when the database stores again after a time when it did not. */
bool judge_batch(struct judge *j, const struct batch *batch, struct event_queue *released, int64_t now_us);
/* True while the worker's own brake holds back all batches. */
bool judge_holds_all(const struct judge *j);

/* What failed has gone back to the broker, for others to store: it says no more of this worker. */
void judge_release(struct judge *j);

#endif
