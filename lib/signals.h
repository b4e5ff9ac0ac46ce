/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SIGNALS_H
#define SLUICE_SIGNALS_H

/* What a signal asks for, to be waited for by a poll loop: each handler writes to an eventfd and does nothing
 * else but, for a drain, set a flag.
 *
 * SIGTERM and SIGINT ask for a drain: finish what was begun, take nothing new, exit 0. SIGHUP asks for a
 * reload: read again what may change while the program runs. */

#include "error.h"

#include <stdbool.h>

/* Installs the handlers of SIGTERM and SIGINT and ignores SIGPIPE. Once, before threads start. ERROR_SYSTEM,
 * below as well. */
MUST_CHECK enum error_code signals_install_drain(struct error *error);
/* Readable (for ever) from the first signal on; owned by this module. Poll it, never read it. */
int signals_drain_fd(void);
/* Any thread. */
bool signals_drain_requested(void);

/* Installs the handler of SIGHUP. Once, before threads start. */
MUST_CHECK enum error_code signals_install_reload(struct error *error);
/* Readable when a reload is asked for; owned by this module. Poll it, never read it. */
int signals_reload_fd(void);
/* True when one was asked for since the last call. Main thread. */
bool signals_take_reload(void);

#endif
