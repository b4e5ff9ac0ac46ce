/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_BROKER_LINK_H
#define SLUICE_GATEWAY_PUBLISH_BROKER_LINK_H

/* A publisher's connection to the broker: made, lost, and made again after a wait. It counts
 * as made when the broker has all exchanges that events may enter by. */

#include "backoff.h"
#include "broker.h"
#include "delays.h"

#include <pthread.h>

enum uplink_state {
    UPLINK_OPEN,
    UPLINK_AWAY,       /* no connection */
    UPLINK_UNDECLARED, /* a delay isn't declared on the broker: no connection is kept either */
};

/* Owned by its publisher's thread, but for uplink_require. */
struct uplink {
    const struct broker_access *access; /* must outlive it */
    const char *name;                   /* connection name; likewise */
    struct broker *broker;              /* NULL unless open */
    struct backoff backoff;
    int64_t retry_at_us; /* monotonic: not to be opened before */
    int64_t warned_at_us;
    pthread_mutex_t mutex;
    struct delays required; /* under the mutex */
};

/* Before threads start. */
void uplink_register(void);
void uplink_init(struct uplink *uplink, const struct broker_access *access, const char *name,
                 const struct delays *required);
/* From the next opening on, these must be declared. Any thread. */
void uplink_require(struct uplink *uplink, const struct delays *required);
/* Tries to connect; logs what it comes to. Unless UPLINK_OPEN, retry_at_us says when to try again. */
enum uplink_state uplink_open(struct uplink *uplink);
/* The connection works: the next loss is the first again. */
void uplink_works(struct uplink *uplink);
/* Gives up a connection that has failed, and sets retry_at_us. */
void uplink_lose(struct uplink *uplink);
/* Closes it politely, if open, and frees what is in it. */
void uplink_close(struct uplink *uplink);

#endif
