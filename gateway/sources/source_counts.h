/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_SOURCE_COUNTS_H
#define SLUICE_GATEWAY_SOURCES_SOURCE_COUNTS_H

/* What became of the requests of one source: counters, and the time of the last event that was accepted and
 * of the last request that was refused. Tables of routes share the counts of a source that stays over a
 * reload. */

#include "gateway/reply.h"
#include "metrics.h"

struct source_counts;

/* All zero, with one reference. NULL: no memory. */
struct source_counts *source_counts_new(void);
/* Returns the same counts with another reference. */
struct source_counts *source_counts_share(struct source_counts *counts);
/* Drops a reference. counts may be NULL. Any thread. */
void source_counts_release(struct source_counts *counts);
/* Counts a reply at this time (wall clock). The answer to a challenge is neither accepted nor refused. Any
 * thread. */
void source_counts_reply(struct source_counts *counts, enum reply_kind kind, int64_t now_us);
/* Counts a verified event without the order that the source names. Any thread. */
void source_counts_unordered(struct source_counts *counts);
/* For metric_show. */
const _Atomic int64_t *source_counts_values(const struct source_counts *counts);
/* Registers the family. each: see metric_family. Before threads start. */
void source_counts_register(void (*each)(metric_show *show, void *context));

#endif
