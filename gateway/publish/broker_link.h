/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_BROKER_LINK_H
#define SLUICE_GATEWAY_PUBLISH_BROKER_LINK_H

/* A publisher's connection to the broker: opens it, and opens it again after a backoff when it fails or is
 * lost, and replaces it when it is old (lib/lifetime). It counts as open once every exchange that events are
 * published to is known to exist. Opening it never blocks the caller (lib/opening). */

#include "backoff.h"
#include "broker.h"
#include "delays.h"
#include "gate.h"
#include "opening.h"

#include <pthread.h>

/* Used by its publisher's thread only, except broker_link_require. */
struct broker_link {
    const struct broker_access *access; /* must outlive it */
    const char *name;                   /* connection name; likewise */
    int64_t max_age_us;
    struct broker *broker;    /* NULL unless open */
    struct broker *successor; /* open, too, and not in use yet; or NULL */
    struct opening *opening;  /* NULL unless one of them is being opened */
    int64_t renew_at_us;      /* monotonic: when to open a successor */
    int64_t succeeds_at_us;   /* when the successor was open */
    struct backoff backoff;
    int64_t retry_at_us;  /* monotonic: earliest time of the next attempt */
    int64_t warned_at_us; /* 0: not since the last connection */
    struct error warned;  /* the cause that was logged then */
    pthread_mutex_t mutex;
    struct delays required; /* under the mutex */
};

/* Before threads start. */
void broker_link_register(void);
void broker_link_init(struct broker_link *link, const struct broker_access *access, const char *name,
                      int64_t max_age_us, const struct delays *required);
/* Sets the delays that must be declared, from the next broker_link_open on. Any thread. */
void broker_link_require(struct broker_link *link, const struct delays *required);
/* While the link isn't open: starts to connect when it is time to, without waiting, and logs the result.
 * Returns true when an attempt has ended: *state is open, or shut with OUTCOME_AWAY or OUTCOME_UNDECLARED,
 * and then the next attempt is due at retry_at_us. */
bool broker_link_step(struct broker_link *link, struct gate_state *state);
/* While the link isn't open, a step is due when this descriptor is readable (-1: there is none), or after so
 * many milliseconds (-1: no time limit). */
int broker_link_fd(const struct broker_link *link);
int broker_link_rest_ms(const struct broker_link *link);
/* While the link is open: opens a successor when the connection is old, without waiting. True when there is
 * one: publish nothing more, and call broker_link_replace once nothing is outstanding. If that takes more
 * than 1 s, the successor is given up, for LIFETIME_AGAIN_US. */
bool broker_link_renew(struct broker_link *link);
/* Gives up a successor, open or not, for LIFETIME_AGAIN_US. */
void broker_link_keep(struct broker_link *link);
/* Goes on with the successor. Says goodbye on the old connection, which takes up to 1 s if its node hangs. */
void broker_link_replace(struct broker_link *link);
/* Call when the broker has confirmed a message: resets the backoff. */
void broker_link_works(struct broker_link *link);
/* Drops a connection that has failed, and sets retry_at_us. The next step takes a successor that is open. */
void broker_link_lose(struct broker_link *link);
/* Closes the connection with AMQP's handshake, if open, or leaves the attempt, and frees what the link owns.
 */
void broker_link_close(struct broker_link *link);

#endif
