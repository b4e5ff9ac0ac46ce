/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RETRY_LINK_H
#define SLUICE_WORKER_RETRY_LINK_H

/* Opens the connection that publishes retries, with confirms, and checks that every retry exchange exists.
 * Publishing to a missing exchange would close the channel and lose the confirms of all other retries. */

#include "opening.h"
#include "settings.h"

/* Starts to open it; the caller owns *opening. It ends with ERROR_NOT_FOUND, which names an exchange that is
 * not declared, or with the errors of broker_open. */
MUST_CHECK enum error_code retry_link_begin(struct opening **opening, const struct worker_settings *settings,
                                            const char *connection_name, struct error *error);

#endif
