/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ADMIN_H
#define SLUICE_ADMIN_H

/* The listener for health checks and metrics. It has its own port because every path on the event port may
 * be a source:
 *   GET /health   200 while the process runs; also /healthz and /livez
 *   GET /ready    200 or 503, with the state as the body, e.g. "broker away"; also /readyz
 *   GET /metrics  the Prometheus text format
 * HEAD works too. Other paths get 404, other methods 405. Each connection is closed after one reply.
 *
 * A dedicated thread polls all connections, so it answers even when the rest of the process is blocked and
 * when clients leave connections idle. At most 64 connections are open: the next one evicts the oldest. */

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct admin;

/* Registers its metrics, as admin_start does. Before threads start. */
void admin_register(void);
/* Listens on address (see listen_on) and logs "admin-listening" with the address and the actual port.
 * The state is "starting", not ready, until admin_set_ready. The caller owns *admin and ends it with
 * admin_stop. Call it after log_start and before other threads start. ERROR_SYSTEM: it can't listen there. */
MUST_CHECK enum error_code admin_start(struct admin **admin, const char *address, struct error *error);
/* The actual port, also when the address gave port 0. */
uint16_t admin_port(const struct admin *admin);
/* Sets the answer of /ready and the metric sluice_ready, and logs "ready" or "not-ready" with the state when
 * either changes. state must be a static string, since the admin thread may read it at any time. Any thread.
 */
void admin_set_ready(struct admin *admin, bool ready, const char *state);
/* Closes all connections, ends the thread and frees admin, which may be NULL. */
void admin_stop(struct admin *admin);

#endif
