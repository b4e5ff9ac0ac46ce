/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ADMIN_H
#define SLUICE_ADMIN_H

/* The health and metrics listener, apart from the events' port, where any path
 * is an event:
 *   GET /health   200 while the process lives; /healthz and /livez are the same
 *   GET /ready    200 with the state, or 503 with it: "broker away"; /readyz is the same
 *   GET /metrics  Prometheus' text format
 * HEAD is answered likewise; anything else is 404, other methods 405. Each connection ends with its
 * reply.
 *
 * One thread of its own polls all connections, so that it answers whatever the rest of the process waits for,
 * and whoever holds a connection without using it. There are at most 64: one more closes the oldest. */

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct admin;

/* Listens on address (as listen_on) and logs "admin-listening" with the address and the real port.
 * *admin is the caller's, to be ended by admin_stop. Not ready, "starting", until said
 * otherwise. After log_start, before other threads. ERROR_SYSTEM: it can't listen there. */
MUST_CHECK enum error_code admin_start(struct admin **admin, const char *address, struct error *error);
/* The port it really listens on. */
uint16_t admin_port(const struct admin *admin);
/* state is a static string: one thread may be reading it at any time. Logs "ready" or "not-ready" with
 * the state when it changed. Any thread. */
void admin_set_ready(struct admin *admin, bool ready, const char *state);
/* admin may be NULL. */
void admin_stop(struct admin *admin);

#endif
