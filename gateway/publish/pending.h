/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PENDING_H
#define SLUICE_GATEWAY_PUBLISH_PENDING_H

/* One event between a request's thread (the waiter) and a publisher's thread, and its outcome. Both hold a
 * reference; the event is freed when both have released it. The outcome is set once: the first call of
 * pending_complete, or the waiter's deadline, wins. */

#include "envelope.h"
#include "gateway/body_memory.h"
#include "gateway/reply.h"
#include "topology.h"

#include <stdatomic.h>
#include <stdint.h>

struct pending {
    struct pending *next;
    char exchange[TOPOLOGY_NAME_MAX];
    char source[ENVELOPE_SOURCE_MAX + 1]; /* the routing key */
    struct buf properties;
    struct body body;
    int64_t published_us; /* monotonic; set by the publisher */
    atomic_uint outcome;  /* enum outcome, or a value for "not yet"; a futex */
    atomic_int references;
};

/* The events that wait for a publisher: a lock-free stack. Any thread pushes; one thread takes all at
 * once. */
struct pending_line {
    _Atomic(struct pending *) last;
};

/* Makes an event with two references. Copies exchange and source; takes over properties and body and leaves
 * them empty. Returns NULL, and leaves both, when there is no memory. */
struct pending *pending_new(const char *exchange, struct span source, struct buf *properties,
                            struct body *body);
/* Sets the outcome and wakes the waiter. Does nothing when the outcome is already set. */
void pending_complete(struct pending *event, enum outcome outcome);
/* True until the outcome is set. False on a queued event means that its waiter has given up. */
bool pending_is_unanswered(struct pending *event);
/* Waits for the outcome. At deadline_us (monotonic) sets and returns OUTCOME_LATE. */
enum outcome pending_wait(struct pending *event, int64_t deadline_us);
/* Drops one reference. */
void pending_release(struct pending *event);
/* pending_complete, then pending_release. */
void pending_finish(struct pending *event, enum outcome outcome);

void pending_push(struct pending_line *line, struct pending *event);
/* Takes every event, linked by next, in the order in which they were pushed. NULL when there is none. */
struct pending *pending_take(struct pending_line *line);
bool pending_line_is_empty(struct pending_line *line);

#endif
