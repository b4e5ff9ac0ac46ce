/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_RELOAD_H
#define SLUICE_GATEWAY_RELOAD_H

/* SIGHUP asks to read again what may change while the gateway runs. The handler only
 * writes to an eventfd, which the main thread's poll waits for. */

#include "error.h"

/* Installs the handler. Once, before threads start. */
MUST_CHECK enum error_code reload_install(struct error *error);
/* Readable when a reload is asked for. Owned by reload. */
int reload_fd(void);
/* True when one was asked for since the last call. Main thread. */
bool reload_take(void);

#endif
