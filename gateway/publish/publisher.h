/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PUBLISHER_H
#define SLUICE_GATEWAY_PUBLISH_PUBLISHER_H

/* A thread that owns one connection to the broker. It takes all waiting events at once, publishes them and
 * reads confirms. It never blocks on one confirm, so many are outstanding. It connects and reconnects by
 * itself. While the broker has an alarm it stops publishing and continues to read. */

#include "broker.h"
#include "delays.h"
#include "error.h"
#include "gate.h"
#include "pending.h"

struct publisher;

struct publisher_options {
    const struct broker_access *access; /* must live as long as the publisher */
    const char *name;                   /* connection name; likewise */
    size_t bundle_events;               /* most events of one message: GATEWAY_BUNDLE_EVENTS */
    int64_t confirm_timeout_us;         /* how long a request waits for its confirm */
    int64_t max_age_us;                 /* of a connection (lib/lifetime) */
    struct delays delays;               /* must be declared on the broker before events are accepted */
    void (*changed)(void *context);     /* called on its thread when its gate has news */
    void *context;
};

/* Before threads start. */
void publisher_register(void);
/* Starts the thread. The caller ends *publisher with publisher_stop and publisher_free. ERROR_MEMORY or
 * ERROR_SYSTEM. */
MUST_CHECK enum error_code publisher_start(struct publisher **publisher,
                                           const struct publisher_options *options, struct error *error);
/* Replaces the delays that must be declared, from the next connection on. Any thread. */
void publisher_require(struct publisher *p, const struct delays *delays);
/* Where its events wait, and whether it takes any: for gate_look, gate_prospect, gate_tell and gate_submit,
 * which any thread may call. `changed` is called when gate_prospect differs from what gate_tell returned
 * last. */
struct gate *publisher_gate(struct publisher *p);
/* Ends the thread and refuses the waiting events. */
void publisher_stop(struct publisher *p);
/* After publisher_stop; p may be NULL. */
void publisher_free(struct publisher *p);

#endif
