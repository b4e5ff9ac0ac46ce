/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ADMIN_H
#define SLUICE_ADMIN_H

/* The health and metrics listener, apart from the events' port, where any path
 * is an event:
 *   GET /health   200 while the process lives
 *   GET /ready    200 with the state, or 503 with it: "broker away"
 *   GET /metrics  Prometheus' text format
 * HEAD is answered likewise; anything else is 404, other methods 405. Two threads
 * of its own, so that it answers whatever the rest of the process waits for. */

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct admin;

/* Listens on address (host:port; port 0: the kernel picks; IPv6 only where Debian's
 * civetweb has it) and logs "admin-listening" with the address and the real port.
 * *admin is the caller's, to be ended by admin_stop. Not ready, "starting", until said
 * otherwise. After log_start. ERROR_SYSTEM or ERROR_SETTING: it can't listen there. */
MUST_CHECK enum error_code admin_start(struct admin **admin, const char *address, struct error *error);
/* The port it really listens on. */
uint16_t admin_port(const struct admin *admin);
/* state is a static string: one thread may be reading it at any time. Logs "ready" or "not-ready" with
 * the state when it changed. Any thread. */
void admin_set_ready(struct admin *admin, bool ready, const char *state);
/* admin may be NULL. */
void admin_stop(struct admin *admin);

#endif
