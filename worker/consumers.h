/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_CONSUMERS_H
#define SLUICE_WORKER_CONSUMERS_H

/* The consumers of the ingest queues (QUEUE_SHARDS), all on one channel: who consumes which, and with how
 * much of the prefetch.
 *
 * Full, they share the prefetch evenly. A careful start takes one message at a time: a message that kills its
 * worker comes back to the head of its queue, and must not find messages of the other queues held beside it.
 * So the queues in which messages wait are tried one after the other. If none has any, all are consumed with
 * a prefetch of 1 each. One thread. */

#include "broker.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct consumers {
    size_t shards;    /* how many queues there are */
    uint32_t untried; /* of a careful start: bit i is set when the queue i has messages and must be tried */
    int64_t
        leave_us; /* of a careful start: when a queue is left that has brought nothing; INT64_MAX: never */
    uint16_t prefetch; /* of all consumers together */
};

/* Each of these ends the consumers that there are, and waits for the broker, at most 5 s for each answer.
 * After an error the connection is spent. ERROR_NOT_FOUND: the broker lacks one of the queues. */

/* Begins a careful start: finds the queues in which messages wait, and consumes the first of them. */
MUST_CHECK enum error_code consumers_begin(struct consumers *c, struct broker *broker, int64_t now_us,
                                           struct error *error);
/* Goes on with it: consumes the next queue to be tried, or all when none is left. */
MUST_CHECK enum error_code consumers_try_next(struct consumers *c, struct broker *broker, int64_t now_us,
                                              struct error *error);
/* Consumes all queues with this prefetch in all, but at least 1 for each. */
MUST_CHECK enum error_code consumers_fill(struct consumers *c, struct broker *broker, uint16_t prefetch,
                                          struct error *error);
/* The same for a prefetch that is shared: what the consumer of this queue gets. Pure. */
uint16_t consumers_share(const struct consumers *c, uint16_t prefetch, size_t shard);
/* True when a careful start has no queue left to try: after the next answer the consumers may be filled. */
static inline bool consumers_have_tried(const struct consumers *c)
{
    return c->untried == 0;
}

#endif
