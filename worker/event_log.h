/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_EVENT_LOG_H
#define SLUICE_WORKER_EVENT_LOG_H

/* A log line and a count for each thing that happens to an event. One thread. */

#include "event.h"

/* Before threads start. */
void event_log_register(void);
/* Counts what became of an event and logs it: trouble always, the rest only if it has a line of its own.
 * slow_ms: how long it was here, if that is too long; else 0. wall_us: now, by the wall clock. */
void event_log_outcome(const struct event *event, bool own, int64_t slow_ms, int64_t wall_us);
/* It failed by itself, and is tried alone after so long. */
void event_log_parked(const struct event *event, int64_t wait_us);
/* It goes to the retry queue of this wait, unchanged. */
void event_log_postponed(const struct event *event, int64_t wait_us, const char *reason);
/* Its envelope is of a later release: told now and then. */
void event_log_newer(const struct event *event);
/* It was held too long, and goes back to its queue. */
void event_log_given_back(const struct event *event);

#endif
