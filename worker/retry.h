/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RETRY_H
#define SLUICE_WORKER_RETRY_H

/* Retries events that may succeed later (VERDICT_LATER). Each is published to the retry queue of its attempt.
 * When the queue's wait is over, RabbitMQ routes it to the workers again, and to no other subscriber. An
 * event is settled, and may be acked, only after the broker has confirmed it and not returned it; until then
 * it is kept here and published again.
 *
 * Publishing has its own connection, opened when first needed: during an alarm RabbitMQ blocks connections
 * that publish, and deliveries and acks must continue. One thread. */

#include "backoff.h"
#include "broker.h"
#include "confirm.h"
#include "event.h"
#include "opening.h"
#include "settings.h"

enum retry_trouble {
    RETRY_WELL,
    RETRY_AWAY,       /* no connection */
    RETRY_BLOCKED,    /* a resource alarm: the broker accepts no message */
    RETRY_REFUSED,    /* the broker nacked a message: a retry queue is full */
    RETRY_UNDECLARED, /* a retry exchange or its queue is missing: run `sluice setup` */
};

struct retry {
    const struct worker_settings *settings;
    const char *connection_name;
    struct broker *broker;   /* NULL while there is no connection */
    struct opening *opening; /* NULL unless a connection is being opened */
    int64_t opening_since_us;
    int64_t renew_at_us; /* when the connection is old (lib/lifetime) */
    struct confirm confirms;
    struct event_queue waiting; /* to be published */
    struct event_queue settled; /* confirmed: EVENT_RETRIED */
    size_t outstanding_bytes;   /* total size of the unconfirmed bodies */
    uint64_t channel; /* the current delivery channel: events of older ones are redelivered anyway */
    struct buf properties;
    size_t refused, returned; /* counts of this turn */
    bool blocked;             /* by an alarm */
    enum retry_trouble trouble;
    int64_t unblocked_at_us;
    int64_t next_attempt_us;
    struct backoff backoff;
};

/* settings and connection_name must outlive it. */
void retry_init(struct retry *r, const struct worker_settings *settings, const char *connection_name);
/* Takes ownership of an event to retry; its attempt must be below the number of tiers. The broker delivers it
 * again after the wait of its attempt, with the attempt incremented. */
void retry_add(struct retry *r, struct event *event);
/* Takes ownership of an event that must wait but did not fail: it is published unchanged to the retry queue
 * of this tier, and no attempt is counted. Returns false, with the event still the caller's, when its
 * properties can't be copied. */
MUST_CHECK bool retry_postpone(struct retry *r, struct event *event, size_t tier);
/* True while no trouble is known: an event added now should be confirmed soon. */
bool retry_is_well(const struct retry *r);
/* Number of events here. */
size_t retry_held(const struct retry *r);
/* Moves the events that are not published yet and were delivered before before_us to the end of `into`. */
void retry_take_older(struct retry *r, int64_t before_us, struct event_queue *into);
/* Moves the events of bundles that came back too often (`isolated`), as far as they are not published yet, to
 * the end of `into`. */
void retry_take_isolated(struct retry *r, struct event_queue *into);
/* True when no confirm is outstanding and nothing can be published now, or during an alarm: no confirm comes
 * before its end. */
bool retry_is_idle(const struct retry *r);
/* Reads confirms and publishes the waiting events. channel: the current delivery channel; 0: none. Frees the
 * waiting events of other channels: the broker redelivers them. Never waits for a connection. */
void retry_step(struct retry *r, uint64_t channel, int64_t now_us);
/* Returns the next confirmed event (EVENT_RETRIED), or NULL. The caller owns it. */
struct event *retry_take(struct retry *r);
/* For poll(); -1 when there is no connection and none is being opened. */
int retry_fd(const struct retry *r);
/* When retry_step must be called even without input; INT64_MAX: never. */
int64_t retry_due_us(const struct retry *r, int64_t now_us);
/* Closes the connection and frees everything, including the events. */
void retry_end(struct retry *r);

#endif
