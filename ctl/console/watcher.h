/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_WATCHER_H
#define SLUICE_CTL_CONSOLE_WATCHER_H

/* A thread that looks at gateways, workers and broker every 5 s, so that the page Now has a past to plot,
 * however many people look at it. It never asks the database. One in a process. */

#include "ctl/overview/history.h"
#include "ctl/overview/overview.h"
#include "ctl/settings.h"
#include "error.h"

struct watched {
    struct overview overview; /* the last look, without the numbers of the database */
    struct history history;   /* count 0: there was no look yet */
};

/* settings must outlive the watcher. End it with watcher_stop. ERROR_MEMORY, ERROR_SYSTEM. */
MUST_CHECK enum error_code watcher_start(const struct status_settings *settings, struct error *error);
/* Waits for the look that is under way, at most some 20 s. May be called without watcher_start. */
void watcher_stop(void);

/* What was seen, which stays as it is until watcher_release: don't keep it for long. The caller may set the
 * numbers of the database. Any thread, between start and stop. */
struct watched *watcher_hold(void);
void watcher_release(void);

#endif
