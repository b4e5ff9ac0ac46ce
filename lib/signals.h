/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SIGNALS_H
#define SLUICE_SIGNALS_H

/* Lets a poll loop wait for signals. They are blocked in every thread, those of libraries included, and have
 * no handler: no call is interrupted by them. A pending signal is the request.
 *
 * SIGTERM and SIGINT request a drain: accept nothing new, finish the work at hand, exit with 0. SIGHUP
 * requests a reload of the files that may change while the program runs. */

#include "error.h"

#include <stdbool.h>

/* Takes SIGTERM and SIGINT, and ignores SIGPIPE. Call it once, before any thread starts: threads inherit what
 * is blocked. ERROR_SYSTEM. */
MUST_CHECK enum error_code signals_install_drain(struct error *error);
/* A descriptor that becomes readable with the first signal and stays so. This module owns it: poll it, but
 * don't read or close it. */
int signals_drain_fd(void);
/* True once a drain is requested, for good. Any thread. */
bool signals_drain_requested(void);

/* Takes SIGHUP. Call it once, before any thread starts. ERROR_SYSTEM. */
MUST_CHECK enum error_code signals_install_reload(struct error *error);
/* A descriptor that is readable while a reload is requested. This module owns it: poll it, but don't read or
 * close it. */
int signals_reload_fd(void);
/* True when a reload was requested since the last call. Main thread. */
bool signals_take_reload(void);

#endif
