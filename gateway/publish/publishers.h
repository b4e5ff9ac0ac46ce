/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PUBLISHERS_H
#define SLUICE_GATEWAY_PUBLISH_PUBLISHERS_H

/* Events to the broker, and its word on each. A publisher is one thread that owns one
 * connection: it takes every event that waits at once, publishes, reads confirms, and
 * never blocks on one, so many are outstanding. A request's thread hands over an event and
 * waits on it; when its deadline passes first, the event outlives it.
 *
 * When no confirm can be expected (no connection, an alarm, confirms already older than 1 s)
 * an event is refused at once: no thread waits for what can't come. */

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
    int64_t confirm_timeout_us;
    struct delays delays; /* those that must be declared before an event is taken */
    struct admin *admin;  /* is told whether a broker is there */
};

/* Starts the publishers, which connect and reconnect by themselves. Before other threads. *publishers
 * is the caller's, to be ended by publishers_stop. */
MUST_CHECK enum error_code publishers_start(struct publishers **publishers,
                                            const struct publishers_options *options, struct error *error);
/* What an event that comes now would meet: an open gate when any publisher's is open. Never waits. Any
 * thread. */
struct gate_state publishers_look(struct publishers *publishers);
/* Publishes one event to this exchange (of topology_entry) and waits for the outcome, at most
 * confirm_timeout_us. properties (of envelope_encode) and body are taken over and left empty. Any
 * thread. */
enum outcome publishers_publish(struct publishers *publishers, const char *exchange, struct span source,
                                struct buf *properties, struct buf *body);
/* Other delays that must be declared, from the next connection of each publisher on: known to be there at
 * present. Any thread. */
void publishers_require(struct publishers *publishers, const struct delays *delays);
/* From now on the admin listener says not ready, "draining", whatever the broker does. */
void publishers_drain(struct publishers *publishers);
/* No publishers_publish may be going on. publishers may be NULL. */
void publishers_stop(struct publishers *publishers);

#endif
