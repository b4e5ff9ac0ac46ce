/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_LISTENER_H
#define SLUICE_CTL_CONSOLE_LISTENER_H

/* The console's HTTP listener. One thread polls all connections, as in lib/admin; a request that needs a page
 * waits, suspended, for a thread of the pool. So neither idle clients nor slow questions hold up a
 * connection. At most CROWD_MAX connections; each is closed after one answer, or after 10 s without a byte.
 */

#include "ctl/settings.h"
#include "error.h"

struct listener;

/* Listens on settings->listen and logs "console-listening" with the address and the actual port. settings
 * must outlive the listener. The caller owns *listener and ends it with listener_stop. ERROR_SYSTEM: it can't
 * listen there. */
MUST_CHECK enum error_code listener_start(struct listener **listener, const struct console_settings *settings,
                                          struct error *error);
/* Lets the pages that are being written end, closes all connections and frees listener, which may be NULL. */
void listener_stop(struct listener *listener);

#endif
