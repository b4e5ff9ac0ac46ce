/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PENDING_H
#define SLUICE_GATEWAY_PUBLISH_PENDING_H

/* One event on its way from a request's thread to a publisher's and the answer on its
 * way back. Two hold it: the waiter and the publisher; it is freed when both have let it go.
 * Its outcome is set once, by whoever comes first. */

#include "buf.h"
#include "envelope.h"
#include "topology.h"

#include <stdatomic.h>
#include <stdint.h>

enum pending_outcome {
    TICKET_PENDING,  /* not known yet */
    TICKET_STORED,   /* confirmed by the broker and not returned */
    TICKET_RETURNED, /* no queue takes it */
    TICKET_NACKED,   /* the broker refused it: a queue is full */
    TICKET_LOST,     /* the connection ended first: it may be stored */
    TICKET_LATE,     /* the deadline passed first: it may be stored */
    TICKET_BLOCKED,  /* the broker has an alarm and takes nothing: if it was published just before, it may be
                        stored */
    /* Not published: */
    TICKET_AWAY, /* no connection to the broker */
    TICKET_SLOW, /* confirms don't come, or too many are outstanding */
    TICKET_MEMORY,
    TICKET_UNDECLARED, /* the broker lacks an exchange that events are to enter by */
};

struct pending {
    struct pending *next;
    char exchange[TOPOLOGY_NAME_MAX];
    char source[ENVELOPE_SOURCE_MAX + 1]; /* the routing key */
    struct buf properties, body;
    atomic_uint outcome; /* enum pending_outcome; a futex */
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
void pending_complete(struct pending *event, enum pending_outcome outcome);
/* False: its waiter has left. */
bool pending_is_unanswered(struct pending *event);
/* Waits for the outcome; TICKET_LATE when deadline_us (monotonic) comes first. */
enum pending_outcome pending_wait(struct pending *event, int64_t deadline_us);
void pending_release(struct pending *event);

void pending_push(struct pending_line *line, struct pending *event);
/* Everything in line, linked by next, the first pushed first. */
struct pending *pending_take(struct pending_line *line);
bool pending_line_is_empty(struct pending_line *line);

#endif
