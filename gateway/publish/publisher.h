/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PUBLISHER_H
#define SLUICE_GATEWAY_PUBLISH_PUBLISHER_H

/* A thread that owns one connection to the broker: it takes every event that waits at
 * once, publishes, reads confirms, and never blocks on one, so many are outstanding. It connects
 * and reconnects by itself. At an alarm it stops publishing and goes on reading. */

#include "broker.h"
#include "delays.h"
#include "error.h"
#include "gate.h"
#include "pending.h"

struct publisher;

struct publisher_options {
    const struct broker_access *access; /* must live as long as the publisher */
    const char *name;                   /* connection name; likewise */
    struct delays delays;               /* those that must be declared before an event is taken */
    void (*changed)(void *context);     /* called on its thread when publisher_gate has changed */
    void *context;
};

/* Before threads start. */
void publisher_register(void);
MUST_CHECK enum error_code publisher_start(struct publisher **publisher,
                                           const struct publisher_options *options, struct error *error);
/* Other delays that must be declared, from the next connection on. Any thread. */
void publisher_require(struct publisher *p, const struct delays *delays);
/* Whether events may wait here: by the state of the connection, and (publisher_look) by the age of the oldest
 * confirm besides. As gate_state and gate_look. Any thread; neither waits. */
struct gate_state publisher_gate(const struct publisher *p);
struct gate_state publisher_look(const struct publisher *p);
/* Hands over one of the event's two holds. Any thread. */
void publisher_submit(struct publisher *p, struct pending *event);
/* Ends the thread; events that wait are refused. */
void publisher_stop(struct publisher *p);
/* After publisher_stop; p may be NULL. */
void publisher_free(struct publisher *p);

#endif
