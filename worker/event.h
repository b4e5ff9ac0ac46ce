/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_EVENT_H
#define SLUICE_WORKER_EVENT_H

/* An event in the worker, from its delivery to its ack: its content, and the outcome of its attempts. Pure.
 */

#include "backoff.h"
#include "broker.h"
#include "envelope.h"
#include "verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_state {
    EVENT_WAITING,   /* in the backlog, or in a batch without an answer so far */
    EVENT_STORED,    /* in a batch; committed as a new row */
    EVENT_REPLACED,  /* in a batch; committed over an older arrival or, if it is stored again, touched */
    EVENT_UNCHANGED, /* in a batch; the existing row wins */
    EVENT_DEAD,      /* in a batch; committed as a dead letter */
    EVENT_RETRIED,   /* in worker/retry; confirmed in a retry queue */
    EVENT_FAILED,    /* see verdict, sqlstate and reason */
};

enum event_form {
    EVENT_READABLE,
    EVENT_MALFORMED, /* not an envelope: EVENT_FAILED with VERDICT_POISON from the start */
    EVENT_NEWER,     /* an envelope of a later release, left to a worker that can read it */
    EVENT_BUNDLE,    /* several events: worker/unpack takes it apart, and no other file meets it */
};

struct event {
    struct event *next; /* in a queue */
    enum event_state state;
    enum event_form form;
    struct broker_delivery *delivery; /* owned */
    uint64_t channel;                 /* the channel of its delivery: see deliver_settle */
    bool bundled;                     /* it came in a bundle */
    bool isolated;                    /* its bundle came back too often: it must go on alone */
    int64_t delivered_us;

    enum verdict verdict;
    char sqlstate[SQLSTATE_SIZE];
    char *reason;  /* owned; NULL unless it failed */
    bool plain;    /* Postgres refused its dead letter: the next one omits the server's message */
    bool doomed;   /* its dead letter must be written, once there is a connection */
    bool unburied; /* Postgres refused the plain dead letter, too: an operator must repair something */

    bool single;            /* a statement that it shared failed: it must have its own */
    bool struck;            /* it failed on its own, not as part of a batch */
    bool probe;             /* tried alone for a brake */
    unsigned failures;      /* its own failures since its delivery */
    unsigned alone;         /* how many of these were in a transaction of its own */
    unsigned lost;          /* connections that ended while it was being stored */
    uint64_t stored_before; /* events that this worker had stored when this event first failed */
    bool others_stored;     /* this worker has stored others since this event first failed */
    struct backoff backoff; /* between its attempts */
    int64_t not_before_us;  /* while parked: time of the next attempt */

    size_t tier;    /* in worker/retry: which retry queue */
    bool postponed; /* in worker/retry: it is published unchanged, and no attempt is counted */

    struct envelope envelope; /* views into delivery; all but the source empty unless EVENT_READABLE. Last:
                                 its unused headers are left as they are */
};

/* Takes ownership of the delivery and decodes its envelope. bundled: it came in a bundle; a bundle within it
 * is EVENT_NEWER, so that it goes on as a message of its own. Returns NULL for lack of memory; the delivery
 * is then still the caller's. */
struct event *event_new(struct broker_delivery *delivery, uint64_t channel, bool bundled, int64_t now_us);
/* Approximate number of bytes that the event holds. */
size_t event_bytes(const struct event *event);
/* True when it was stored before and is only to run its triggers again: its age says nothing about delays. */
bool event_is_again(const struct event *event);
/* When a gateway received it (wall clock); now_us when that is unknown or in the future, or it is stored
 * again. */
int64_t event_since_us(const struct event *event, int64_t now_us);
/* Clears the outcome of the last attempt, before a new one. */
void event_reset(struct event *event);
/* Sets EVENT_FAILED. reason is copied and made valid UTF-8, cut at a character boundary to at most 500 bytes.
 */
void event_fail(struct event *event, enum verdict verdict, const char *sqlstate, const char *reason);
/* Notes, after event_fail, that the event failed on its own; alone: in a transaction of its own. stored:
 * number of events that this worker has stored so far. */
void event_strike(struct event *event, bool alone, uint64_t stored);
/* True when the event may have killed a worker or a backend; it must then be tried alone. */
bool event_is_suspect(const struct event *event);
/* True when the event needs only its ack. */
bool event_settled(const struct event *event);
void event_free(struct event *event);

/* First in, first out. An event is in at most one queue, which owns it. Zero-initialise. */
struct event_queue {
    struct event *head, *tail;
    size_t count;
};

void event_queue_push(struct event_queue *queue, struct event *event);
/* Moves all events marked `isolated` to the end of `into`. */
void event_queue_take_isolated(struct event_queue *queue, struct event_queue *into);
/* Moves all events of `more` to the end of the queue. */
void event_queue_append(struct event_queue *queue, struct event_queue *more);
/* Removes and returns the first event, which the caller then owns; NULL when the queue is empty. */
struct event *event_queue_pop(struct event_queue *queue);
/* Moves all events delivered before before_us to the end of `into`. */
void event_queue_take_older(struct event_queue *queue, int64_t before_us, struct event_queue *into);
/* The size of all events, and when the oldest was received (event_since_us); now_us when there is none. */
size_t event_queue_bytes(const struct event_queue *queue);
int64_t event_queue_since_us(const struct event_queue *queue, int64_t now_us);
/* Frees all events. */
void event_queue_clear(struct event_queue *queue);

#endif
