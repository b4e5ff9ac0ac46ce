/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RETRY_H
#define SLUICE_WORKER_RETRY_H

/* The way back of events that may cure themselves (VERDICT_LATER): each is published to the retry queue of
 * its attempt, which brings it to the workers again after that wait and to no other subscriber. An event
 * counts as settled, so that it may be acked, only when the broker has confirmed it there and not returned
 * it; until then it is kept and tried again.
 *
 * This is a connection of its own, made when first needed: an alarm of the broker stops a connection that
 * publishes, and deliveries and acks must go on. One thread. */

#include "backoff.h"
#include "broker.h"
#include "confirm.h"
#include "event.h"
#include "opening.h"
#include "settings.h"

enum retry_trouble {
    RETRY_WELL,
    RETRY_AWAY,       /* no connection */
    RETRY_BLOCKED,    /* an alarm: the broker takes no message */
    RETRY_REFUSED,    /* it has refused: a retry queue is full */
    RETRY_UNDECLARED, /* a retry exchange, or its queue, isn't there: only `sluice setup` helps */
};

struct retry {
    const struct worker_settings *settings;
    const char *connection_name;
    struct broker *broker;   /* NULL: none was needed yet, or none can be had */
    struct opening *opening; /* NULL unless one is being opened */
    int64_t opening_since_us;
    struct confirm confirms;
    struct event_queue waiting; /* to be published */
    struct event_queue settled; /* confirmed: EVENT_RETRIED */
    size_t outstanding_bytes;   /* of bodies */
    uint64_t channel;           /* the one that deliveries come by now: others come again by themselves */
    struct buf properties;
    /* Of what was read this turn: */
    size_t refused, returned;
    bool blocked; /* by an alarm */
    enum retry_trouble trouble;
    int64_t unblocked_at_us;
    int64_t next_attempt_us;
    struct backoff backoff;
};

/* settings and connection_name must outlive it. Before threads start. */
void retry_init(struct retry *r, const struct worker_settings *settings, const char *connection_name);
/* Takes over an event that may cure itself; its attempt is below the number of tiers. It comes back after the
 * wait of its attempt, with one attempt more. */
void retry_add(struct retry *r, struct event *event);
/* Takes over an event that only has to wait elsewhere: it goes to the retry queue of this tier as it came,
 * and no attempt is counted. False, and it is still the caller's, when its properties can't be passed on. */
MUST_CHECK bool retry_postpone(struct retry *r, struct event *event, size_t tier);
/* True when what is given to it now is likely to be taken soon. */
bool retry_is_well(const struct retry *r);
/* Moves those that still wait to be published and came before before_us to the end of `into`. */
void retry_take_older(struct retry *r, int64_t before_us, struct event_queue *into);
/* True when none is under way to the broker. */
bool retry_is_idle(const struct retry *r);
/* Reads confirms and publishes what waits. channel: the one that deliveries come by now; 0: none. Events of
 * another one that still wait are freed: the broker delivers them again. Connecting is waited
 * for by nobody. */
void retry_step(struct retry *r, uint64_t channel, int64_t now_us);
/* The next event that is EVENT_RETRIED, now the caller's; NULL: none. */
struct event *retry_take(struct retry *r);
/* For poll(); -1 when there is no connection and none is being opened. */
int retry_fd(const struct retry *r);
/* When it must be stepped even if nothing came; INT64_MAX: never. */
int64_t retry_due_us(const struct retry *r, int64_t now_us);
/* Says goodbye and frees, with the events it holds. */
void retry_end(struct retry *r);

#endif
