/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_BROKER_LINK_H
#define SLUICE_GATEWAY_PUBLISH_BROKER_LINK_H

/* A publisher's connection to the broker: made, lost, and made again after a wait. It counts
 * as made when the broker has all exchanges that events may enter by. Making it holds nobody up (opening). */

#include "backoff.h"
#include "broker.h"
#include "delays.h"
#include "gate.h"
#include "opening.h"

#include <pthread.h>

/* Owned by its publisher's thread, but for broker_link_require. */
struct broker_link {
    const struct broker_access *access; /* must outlive it */
    const char *name;                   /* connection name; likewise */
    struct broker *broker;              /* NULL unless open */
    struct opening *opening;            /* NULL unless it is being opened */
    struct backoff backoff;
    int64_t retry_at_us; /* monotonic: not to be opened before */
    int64_t warned_at_us;
    pthread_mutex_t mutex;
    struct delays required; /* under the mutex */
};

/* Before threads start. */
void broker_link_register(void);
void broker_link_init(struct broker_link *link, const struct broker_access *access, const char *name,
                      const struct delays *required);
/* From the next opening on, these must be declared. Any thread. */
void broker_link_require(struct broker_link *link, const struct delays *required);
/* While it isn't open: begins to connect when it is time to, without waiting, and logs what it comes to. True
 * when it has come to something: *state is open, or shut by OUTCOME_AWAY or by OUTCOME_UNDECLARED, and then
 * it is tried again from retry_at_us on. */
bool broker_link_step(struct broker_link *link, struct gate_state *state);
/* While it isn't open, it is worth a step when this is readable (-1: nothing is), or after so many
 * milliseconds (-1: not by time). */
int broker_link_fd(const struct broker_link *link);
int broker_link_rest_ms(const struct broker_link *link);
/* The connection works: the next loss is the first again. */
void broker_link_works(struct broker_link *link);
/* Gives up a connection that has failed, and sets retry_at_us. */
void broker_link_lose(struct broker_link *link);
/* Closes it politely, if open, or leaves the attempt, and frees what is in it. */
void broker_link_close(struct broker_link *link);

#endif
