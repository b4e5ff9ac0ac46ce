/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_HISTORY_H
#define SLUICE_CTL_OVERVIEW_HISTORY_H

/* The last quarter of an hour of overviews, as a few numbers each, for rates and plots. Pure. */

#include "overview.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_US (INT64_C(15) * 60 * 1000000)
#define HISTORY_MAX 900

struct reading {
    int64_t at_us;
    double generation, accepted, refused, unavailable, stored, dead, log_dropped; /* as in struct totals */
    int64_t queue; /* ready messages in the ingest queues; OVERVIEW_UNKNOWN */
};

/* Zero-initialise. When it is full, the oldest reading makes room. */
struct history {
    struct reading readings[HISTORY_MAX];
    size_t first, count;
};

void history_add(struct history *history, const struct overview *overview);
/* The reading of this age rank: 0 is the oldest one. rank is below history->count. */
const struct reading *history_at(const struct history *history, size_t rank);
/* The oldest reading that is at most age_us older than the newest one; NULL when there is no other. */
const struct reading *history_since(const struct history *history, int64_t age_us);

/* Events per second; below 0: unknown, because a process came, went or started anew in between. */
struct rates {
    double accepted, refused, stored, dead;
};

/* before NULL: all are unknown. */
struct rates history_rates(const struct reading *before, const struct reading *now);

#endif
