/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SOURCE_EVENTS_H
#define SLUICE_WORKER_SOURCE_EVENTS_H

/* What became of the events of each source, as metrics. The first 256 names have rows of their own; all
 * others, and names that no gateway writes, share the row "(others)". One thread counts, any may render. */

#include "event.h"

/* Before threads start. */
void source_events_register(void);
/* Counts what became of an event; nothing while it waits or has failed. now_us: wall clock. */
void source_events_count(const struct event *event, int64_t now_us);

#endif
