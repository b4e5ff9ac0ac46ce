/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_ROUTE_H
#define SLUICE_GATEWAY_ROUTE_H

/* Which source a request belongs to. */

#include "buf.h"
#include "envelope.h"
#include "topology.h"
#include "verify.h"

struct source {
    struct span name; /* the routing key: see envelope_source_valid */
    struct verify_rule verify;
    enum envelope_keep keep;
    char exchange[TOPOLOGY_NAME_MAX]; /* that its events enter by */
};

/* How long events are delayed. Once, before threads start. */
void route_set_delay(int64_t delay_us);

/* Logs what the routes are, and which of them are open to anybody. After log_start. */
void route_announce(void);
/* The source that takes this method and raw path. Source "default" takes everything, so
 * never NULL. Static; any thread. */
const struct source *route_find(struct span method, struct span path);

#endif
