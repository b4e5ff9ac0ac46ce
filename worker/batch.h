/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BATCH_H
#define SLUICE_BATCH_H

/* Events on their way: the backlog of those that wait, and the batch that a slot
 * carries. Pure. */

#include "broker.h"
#include "envelope.h"
#include "verdict.h"

#include <stdbool.h>
#include <stddef.h>

/* An event that has come back this often may be what kills its worker: it goes
 * alone, after all others. */
#define BATCH_SUSPECT_DELIVERIES 2

enum event_state {
    EVENT_WAITING,   /* in the backlog, or in a batch with no answer yet */
    EVENT_STORED,    /* in a batch; committed as a new row */
    EVENT_REPLACED,  /* in a batch; committed over an older arrival */
    EVENT_UNCHANGED, /* in a batch; the row that is there wins */
    EVENT_DEAD,      /* in a batch; committed as a dead letter */
    EVENT_RETRIED,   /* with worker/retry; confirmed in a retry queue */
    EVENT_FAILED,    /* verdict, sqlstate and reason say why */
};

struct event {
    struct event *next; /* in a queue */
    enum event_state state;
    struct broker_delivery *delivery; /* owned */
    uint64_t channel;                 /* the one it came by: see deliver_take_back */
    struct envelope envelope;         /* views into delivery; all empty when malformed */
    bool malformed;
    enum verdict verdict;
    char sqlstate[SQLSTATE_SIZE];
    char *reason; /* owned; NULL unless it failed */
};

/* Takes over the delivery and decodes its envelope. An event whose envelope can't be read is malformed:
 * EVENT_FAILED as poison, with the reason. NULL: no memory, and the delivery is still the caller's. */
struct event *event_new(struct broker_delivery *delivery, uint64_t channel);
/* Makes it EVENT_FAILED; reason is copied as UTF-8 whatever its bytes are, cut at a character within 500. */
void event_fail(struct event *event, enum verdict verdict, const char *sqlstate, const char *reason);
/* True when it needs nothing more but its ack. */
bool event_settled(const struct event *event);
void event_free(struct event *event);

/* First in, first out; an event is in one queue at most, and owned by it. Zero-initialise. */
struct event_queue {
    struct event *head, *tail;
};

void event_queue_push(struct event_queue *queue, struct event *event);
/* The first one, now the caller's; NULL when it is empty. */
struct event *event_queue_pop(struct event_queue *queue);

/* Two queues: ordinary events, and suspects behind them. Zero-initialise. */
struct backlog {
    struct event_queue ordinary, suspects;
    size_t count;
};

void backlog_add(struct backlog *backlog, struct event *event);
/* Frees all events. */
void backlog_clear(struct backlog *backlog);

struct batch {
    struct event **events;
    size_t count;
    size_t bytes; /* of bodies */
    size_t most_events;
    size_t most_bytes;
};

MUST_CHECK enum error_code batch_init(struct batch *batch, size_t most_events, size_t most_bytes,
                                      struct error *error);
/* Moves events from the backlog, reset, into an empty batch until it is full by count (or holds `most`, at
 * least 1) or bytes (a first event is taken whatever its size), or one suspect alone when no other waits;
 * then sorts it by (source, id) as bytes, so that two batches lock rows in the same order and can't deadlock.
 */
void batch_take(struct batch *batch, struct backlog *backlog, size_t most);
void batch_free(struct batch *batch);

#endif
