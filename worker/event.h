/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_EVENT_H
#define SLUICE_WORKER_EVENT_H

/* An event in the worker, from its delivery to its ack: what it is, and what has become of it. Pure. */

#include "backoff.h"
#include "broker.h"
#include "envelope.h"
#include "verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_state {
    EVENT_WAITING,   /* in the backlog, or in a batch with no answer yet */
    EVENT_STORED,    /* in a batch; committed as a new row */
    EVENT_REPLACED,  /* in a batch; committed over an older arrival */
    EVENT_UNCHANGED, /* in a batch; the row that is there wins */
    EVENT_DEAD,      /* in a batch; committed as a dead letter */
    EVENT_RETRIED,   /* with worker/retry; confirmed in a retry queue */
    EVENT_FAILED,    /* verdict, sqlstate and reason say why */
};

enum event_form {
    EVENT_READABLE,
    EVENT_MALFORMED, /* no envelope: a dead letter, EVENT_FAILED as poison from the start */
    EVENT_NEWER,     /* an envelope of a later release: for a worker that can read it */
};

struct event {
    struct event *next; /* in a queue */
    enum event_state state;
    enum event_form form;
    struct broker_delivery *delivery; /* owned */
    uint64_t channel;                 /* the one it came by: see deliver_settle */
    int64_t delivered_us;
    struct envelope envelope; /* views into delivery; but for the source empty, unless it is readable */

    enum verdict verdict;
    char sqlstate[SQLSTATE_SIZE];
    char *reason;  /* owned; NULL unless it failed */
    bool plain;    /* its dead letter was refused: the next one goes without the server's words */
    bool doomed;   /* nothing is left for it but to be buried, once a connection is there */
    bool unburied; /* and so was that one: somebody must mend something, it isn't this event */

    bool struck;            /* it failed by itself, not as one of a batch */
    bool probe;             /* tried alone for a brake */
    unsigned failures;      /* since it was delivered, its own */
    unsigned alone;         /* of them in a transaction of its own */
    unsigned lost;          /* connections that ended while it was under way */
    uint64_t stored_before; /* by this worker, before it first failed */
    bool others_stored;     /* since then */
    struct backoff backoff; /* between its attempts */
    int64_t not_before_us;  /* while parked */

    size_t tier;    /* with worker/retry: which retry queue */
    bool postponed; /* with worker/retry: it goes there unchanged, and no attempt is counted */
};

/* Takes over the delivery and decodes its envelope. NULL: no memory, and the delivery is still the caller's.
 */
struct event *event_new(struct broker_delivery *delivery, uint64_t channel, int64_t now_us);
/* Bytes that it holds, roughly. */
size_t event_bytes(const struct event *event);
/* Before a new attempt: forgets what the last one came to. */
void event_reset(struct event *event);
/* Makes it EVENT_FAILED; reason is copied as UTF-8 whatever its bytes are, cut at a character within 500. */
void event_fail(struct event *event, enum verdict verdict, const char *sqlstate, const char *reason);
/* Notes that it has failed by itself, after event_fail; alone: in a transaction of its own. stored: how many
 * events this worker has stored by now. */
void event_strike(struct event *event, bool alone, uint64_t stored);
/* True when it goes alone: it may be what kills its worker, or its backend. */
bool event_is_suspect(const struct event *event);
/* True when it needs nothing more but its ack. */
bool event_settled(const struct event *event);
void event_free(struct event *event);

/* First in, first out; an event is in one queue at most, and owned by it. Zero-initialise. */
struct event_queue {
    struct event *head, *tail;
    size_t count;
};

void event_queue_push(struct event_queue *queue, struct event *event);
/* The first one, now the caller's; NULL when it is empty. */
struct event *event_queue_pop(struct event_queue *queue);
/* Moves those that came before before_us to the end of `into`. */
void event_queue_take_older(struct event_queue *queue, int64_t before_us, struct event_queue *into);
/* Frees all. */
void event_queue_clear(struct event_queue *queue);

#endif
