/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DRAIN_H
#define SLUICE_DRAIN_H

/* SIGTERM and SIGINT ask for a drain: finish what was begun, take nothing new,
 * exit 0. The handler only sets a flag and writes to an eventfd, which a poll loop
 * can wait for. */

#include "error.h"

#include <stdbool.h>

/* Installs the handlers and ignores SIGPIPE. Once, before threads start. */
MUST_CHECK enum error_code drain_install(struct error *error);
/* Readable (for ever) from the first signal on; owned by drain. Poll it, never read it. */
int drain_fd(void);
/* Any thread. */
bool drain_requested(void);

#endif
