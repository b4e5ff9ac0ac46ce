/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PUBLISHERS_H
#define SLUICE_GATEWAY_PUBLISH_PUBLISHERS_H

/* Publishes events to the broker and waits for the broker's confirm of each. The work is done by a fixed
 * number of publishers (gateway/publish/publisher). A request's thread hands an event to one of them and
 * waits for the outcome. When the thread's deadline passes first, the publisher keeps the event until the
 * outcome is known.
 *
 * When no confirm can be expected (no connection, an alarm, a confirm that has been missing for more than 1
 * s) an event is refused at once, so that no thread waits in vain. */

#include "admin.h"
#include "broker.h"
#include "buf.h"
#include "delays.h"
#include "error.h"
#include "gate.h"
#include "pending.h"

#include <stdint.h>

#define PUBLISHERS_MAX 16

struct publishers;

struct publishers_options {
    const struct broker_access *access; /* must live as long as the publishers */
    const char *name;                   /* connection name; likewise */
    int publishers;                     /* 1 to PUBLISHERS_MAX */
    size_t bundle_events;               /* most events of one message: GATEWAY_BUNDLE_EVENTS */
    int64_t confirm_timeout_us;
    int64_t max_age_us;   /* of a connection to the broker (lib/lifetime) */
    struct delays delays; /* must be declared on the broker before events are accepted */
    struct admin *admin;  /* gets the readiness */
};

/* Starts the publishers, which connect and reconnect by themselves. Call before other threads use them. The
 * caller ends *publishers with publishers_stop. ERROR_MEMORY or ERROR_SYSTEM. */
MUST_CHECK enum error_code publishers_start(struct publishers **publishers,
                                            const struct publishers_options *options, struct error *error);
/* Whether an event would be accepted now: the gate is open when any publisher's is. Never waits. Any
 * thread. */
struct gate_state publishers_look(struct publishers *publishers);
/* Publishes one event to this exchange (from topology_entry) and waits for the outcome, at most
 * confirm_timeout_us. Takes over properties (from envelope_encode) and body and leaves them empty. Any
 * thread. */
enum outcome publishers_publish(struct publishers *publishers, const char *exchange, struct span source,
                                struct buf *properties, struct body *body);
/* Replaces the delays that must be declared, from each publisher's next connection on. The caller has checked
 * that they are declared now (delays_probe). Any thread. */
void publishers_require(struct publishers *publishers, const struct delays *delays);
/* From now on readiness is "draining", whatever the state of the broker. */
void publishers_drain(struct publishers *publishers);
/* Stops and frees all publishers. No publishers_publish may be running. publishers may be NULL. */
void publishers_stop(struct publishers *publishers);

#endif
