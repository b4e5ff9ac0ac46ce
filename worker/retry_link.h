/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RETRY_LINK_H
#define SLUICE_WORKER_RETRY_LINK_H

/* The connection that retries go by: one that publishes, with confirms, to a broker that has every retry
 * exchange. A missing one would close the channel at the first publish and take the others' confirms with it,
 * so each is asked for before. */

#include "broker.h"
#include "settings.h"

/* *broker is the caller's afterwards. ERROR_NOT_FOUND names an exchange that isn't declared; the other errors
 * are broker_open's. Waits, up to 5 s a step. */
MUST_CHECK enum error_code retry_link_open(struct broker **broker, const struct worker_settings *settings,
                                           const char *connection_name, struct error *error);

#endif
