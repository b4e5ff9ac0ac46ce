/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_ROUTE_H
#define SLUICE_GATEWAY_ROUTE_H

/* Which source a request belongs to. */

#include "buf.h"
#include "envelope.h"
#include "verify.h"

struct source {
    struct span name; /* the routing key: see envelope_source_valid */
    enum verify_scheme scheme;
    enum envelope_keep keep;
};

/* Logs what the routes are, and which of them are open to anybody. After log_start. */
void route_announce(void);
/* The source that takes this method and raw path. Source "default" takes everything, so
 * never NULL. Static; any thread. */
const struct source *route_find(struct span method, struct span path);

#endif
