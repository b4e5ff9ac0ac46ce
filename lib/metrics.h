/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_METRICS_H
#define SLUICE_METRICS_H

/* Counters and gauges, rendered in the Prometheus text format. A module keeps its metrics in a static array
 * and registers the array once. Any thread may change and read them. */

#include "buf.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name;   /* sluice_gateway_events_total; rows with the same name must be adjacent */
    const char *labels; /* `outcome="queued"`, or NULL */
    const char *help;   /* used from the first row of each name */
    enum metric_kind kind;
    _Atomic int64_t value;
};

/* Registers an array, which must live as long as the process; registering it again does nothing. At most 16
 * arrays. Call it before threads start. */
void metrics_register(struct metric *metrics, size_t count);
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t value);
int64_t metric_get(const struct metric *m);
/* Appends all registered metrics, in the order of registration. */
void metrics_render(struct buf *out);

#endif
