/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RETRY_LINK_H
#define SLUICE_WORKER_RETRY_LINK_H

/* The connection that retries go by: one that publishes, with confirms, to a broker that has every retry
 * exchange. A missing one would close the channel at the first publish and take the others' confirms with it,
 * so each is asked for before. */

#include "opening.h"
#include "settings.h"

/* Begins to open it; *opening is the caller's. It ends with ERROR_NOT_FOUND, which names an exchange that
 * isn't declared, or with broker_open's errors. */
MUST_CHECK enum error_code retry_link_begin(struct opening **opening, const struct worker_settings *settings,
                                            const char *connection_name, struct error *error);

#endif
