/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_JUDGE_H
#define SLUICE_WORKER_JUDGE_H

/* What the outcomes of batches say about more than their events: whether the database stores anything at all,
 * so that the worker pauses while it doesn't, and which sources are braked. It logs, and does no other I/O.
 */

#include "batch.h"
#include "sources.h"

struct judge {
    struct sources sources;
    uint64_t stored;            /* events, since the start */
    uint64_t stored_at_failure; /* as many as at the last failure that was nobody's own */
    struct backoff pause;
    int64_t resume_us;        /* no batch begins before */
    int64_t failing_since_us; /* nothing has been stored since; 0: it has */
    int64_t last_stored_us;
    bool put_on;       /* the last batch has put a brake on */
    bool needs_repair; /* and the last failure is one that only a person can mend */
};

void judge_init(struct judge *j);
/* A batch has come back. A pause begins when it failed, for no fault of its events' own that others prove,
 * and nothing has been stored since the failure before. What a released brake had held is moved to
 * `released`. True when the database stores again after it did not. */
bool judge_batch(struct judge *j, const struct batch *batch, struct event_queue *released, int64_t now_us);
/* True while the worker's own brake holds all batches back. */
bool judge_holds_all(const struct judge *j);

#endif
