/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SIGNALS_H
#define SLUICE_SIGNALS_H

/* Lets a poll loop wait for signals. Each handler only writes to an eventfd; a drain also sets a flag.
 *
 * SIGTERM and SIGINT request a drain: accept nothing new, finish the work at hand, exit with 0. SIGHUP
 * requests a reload of the files that may change while the program runs. */

#include "error.h"

#include <stdbool.h>

/* Installs the handlers for SIGTERM and SIGINT, and ignores SIGPIPE. Call it once, before threads start.
 * ERROR_SYSTEM. */
MUST_CHECK enum error_code signals_install_drain(struct error *error);
/* A descriptor that becomes readable with the first signal and stays so. This module owns it: poll it, but
 * don't read or close it. */
int signals_drain_fd(void);
/* True once a drain is requested. Any thread. */
bool signals_drain_requested(void);

/* Installs the handler for SIGHUP. Call it once, before threads start. ERROR_SYSTEM. */
MUST_CHECK enum error_code signals_install_reload(struct error *error);
/* A descriptor that is readable while a reload is requested. This module owns it: poll it, but don't read or
 * close it. */
int signals_reload_fd(void);
/* True when a reload was requested since the last call. Main thread. */
bool signals_take_reload(void);

#endif
