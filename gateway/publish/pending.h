/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PENDING_H
#define SLUICE_GATEWAY_PUBLISH_PENDING_H

/* One event on its way from a request's thread to a publisher's and the answer on its
 * way back. Two hold it: the waiter and the publisher; it is freed when both have let it go.
 * Its outcome is set once, by whoever comes first. */

#include "buf.h"
#include "envelope.h"
#include "gateway/reply.h"
#include "topology.h"

#include <stdatomic.h>
#include <stdint.h>

struct pending {
    struct pending *next;
    char exchange[TOPOLOGY_NAME_MAX];
    char source[ENVELOPE_SOURCE_MAX + 1]; /* the routing key */
    struct buf properties, body;
    atomic_uint outcome; /* enum outcome, or that it is not known yet; a futex */
    atomic_int references;
};

/* The events that wait for a publisher: pushed by any thread, taken whole by one. */
struct pending_line {
    _Atomic(struct pending *) last;
};

/* Copies exchange and source; takes properties and body over and leaves them empty. Held twice. NULL: no
 * memory. */
struct pending *pending_new(const char *exchange, struct span source, struct buf *properties,
                            struct buf *body);
/* Sets the outcome and wakes the waiter; does nothing when there is one already. */
void pending_complete(struct pending *event, enum outcome outcome);
/* False: its waiter has left. */
bool pending_is_unanswered(struct pending *event);
/* Waits for the outcome; OUTCOME_LATE when deadline_us (monotonic) comes first. */
enum outcome pending_wait(struct pending *event, int64_t deadline_us);
void pending_release(struct pending *event);
/* Both: what a publisher does when it is done with an event. */
void pending_finish(struct pending *event, enum outcome outcome);

void pending_push(struct pending_line *line, struct pending *event);
/* Everything in line, linked by next, the first pushed first. */
struct pending *pending_take(struct pending_line *line);
bool pending_line_is_empty(struct pending_line *line);

#endif
