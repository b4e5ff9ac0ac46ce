/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_HISTOGRAM_H
#define SLUICE_HISTOGRAM_H

/* How often values of each size were observed, in Prometheus' form: buckets with fixed upper bounds, and a
 * sum. Without locks; any thread may observe and render. A module keeps its histograms in static variables
 * and registers them with metrics_register_histogram. */

#include "buf.h"

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 16

enum histogram_unit {
    HISTOGRAM_SECONDS, /* observed in microseconds, shown in seconds */
    HISTOGRAM_COUNT,   /* observed and shown as it is */
};

struct histogram {
    const char *name; /* without _bucket; ends in _seconds for HISTOGRAM_SECONDS */
    const char *help;
    enum histogram_unit unit;
    int64_t bounds[HISTOGRAM_BOUNDS_MAX]; /* in the unit of observation, ascending; 0 ends them */
    /* Of values up to each bound that are above the one before; the entry after the last bound: of all
     * larger ones. */
    _Atomic int64_t counts[HISTOGRAM_BOUNDS_MAX + 1];
    _Atomic int64_t sum;
};

/* Adds one value. A negative one, from the clocks of two machines, counts as 0. */
void histogram_observe(struct histogram *histogram, int64_t value);
/* Appends the rows, without HELP and TYPE. _count is that of the last bucket, whatever other threads observe
 * meanwhile. */
void histogram_render(const struct histogram *histogram, struct buf *out);

#endif
