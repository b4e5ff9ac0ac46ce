/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_PLAN_H
#define SLUICE_PLAN_H

/* A plan is the statements that a batch still needs, in order. It consists of segments: each is an implicit
 * transaction that ends with a sync, and each dead letter is a segment of its own. When there are several
 * segments, synchronous_commit is off and one flush at the end makes them all durable. Pure. */

#include "batch.h"

enum plan_kind {
    PLAN_EVENTS,   /* the upsert of an event or of several or, when it has failed, its dead letter */
    PLAN_TIME,     /* how long a statement may take */
    PLAN_NO_FLUSH, /* synchronous_commit off */
    PLAN_FLUSH_ON, /* synchronous_commit on */
    PLAN_FLUSH,    /* a commit that waits for the disk, and so makes all earlier commits durable */
    PLAN_GUARD,    /* whether the commits before it have waited for a standby */
    PLAN_QUESTION, /* how many dead letters there are */
};

struct plan_item {
    enum plan_kind kind;
    struct event *const *events; /* a view into the batch */
    size_t count;                /* of the events; 0 unless PLAN_EVENTS */
    bool buries;
    bool ends; /* last item of its segment: a sync follows */
};

struct plan {
    struct plan_item *items;
    size_t first, count; /* the items are from first to below count */
    int64_t tiers;       /* number of retries after which VERDICT_LATER makes a dead letter */
    bool guarded;        /* asks at the end whether its commits have waited for a standby */
    bool is_short;       /* the session's statements have little time (upsert_send_time), from this plan on */
};

/* For batches of at most most_events. */
MUST_CHECK enum error_code plan_init(struct plan *plan, size_t most_events, int64_t tiers, bool guarded,
                                     struct error *error);
/* Plans what the batch needs: the waiting events, and a dead letter for each poison event and each
 * VERDICT_LATER event without a retry left. Segments hold at most `most` events; a segment also ends before
 * an event that has failed, because the events before it are known to be good, and around single ones.
 * Returns false when there is nothing to do. together: a statement may store several events (worker/rows), at
 * half the cost for the server. When it fails, it isn't known by which of them; so it has little time, and
 * its caller makes them single. */
bool plan_batch(struct plan *plan, const struct batch *batch, size_t most, bool together);
/* Plans only to ask how many dead letters there are. */
void plan_question(struct plan *plan);
/* The session has ended: the next one's statements have full time. */
void plan_forget(struct plan *plan);
void plan_free(struct plan *plan);

#endif
