/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_METRICS_H
#define SLUICE_METRICS_H

/* Metrics, rendered in the Prometheus text format. There are three kinds of them, and a module registers each
 * once, before threads start: arrays of counters and gauges; histograms (lib/histogram); and families, whose
 * rows come and go. Any thread may change and read values. */

#include "buf.h"
#include "histogram.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_SECONDS_TOTAL, /* a counter of microseconds, shown in seconds */
    METRIC_ESTIMATE,      /* a gauge that isn't shown while it is negative: nobody knows it */
    METRIC_TIMESTAMP,     /* a gauge: microseconds since 1970, shown in seconds; not shown while it is 0 */
};

struct metric {
    const char *name;   /* sluice_gateway_events_total; rows with the same name must be adjacent */
    const char *labels; /* `outcome="queued"`, or NULL */
    const char *help;   /* used from the first row of each name */
    enum metric_kind kind;
    _Atomic int64_t value;
};

/* What is shown for each member of a family. */
struct metric_column {
    const char *name; /* NULL: this column is not shown; columns with the same name must be adjacent */
    const char *labels;
    const char *help;
    enum metric_kind kind;
};

/* Receives one member: its name, which may hold any bytes, and as many values as the family has columns. */
typedef void metric_show(void *context, struct span member, const _Atomic int64_t *values);

/* Metrics with a label whose values are the names of members, such as sources. The module that registers it
 * owns the members. */
struct metric_family {
    const char *label; /* "source" */
    const struct metric_column *columns;
    size_t count;
    /* Calls show for each member that there is now, with this context. Any thread. */
    void (*each)(metric_show *show, void *context);
};

/* Registers an array, a histogram or a family, which must live as long as the process; registering it again
 * does nothing. At most 48 in all. Call these before threads start. */
void metrics_register(struct metric *metrics, size_t count);
void metrics_register_histogram(struct histogram *histogram);
void metrics_register_family(const struct metric_family *family);
/* The function is called before each rendering, to set values that nobody keeps up to date. One per process.
 */
void metrics_before_render(void (*refresh)(void));

void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t value);
int64_t metric_get(const struct metric *m);
/* Appends all registered metrics, in the order of registration. */
void metrics_render(struct buf *out);
/* Appends one line for each name, for the documentation: name, type, labels ("outcome=queued,away source"),
 * help; tab-separated. */
void metrics_list(struct buf *out);
/* Appends microseconds (not negative) as seconds without trailing zeros: 0.005, 12. */
void metric_append_seconds(struct buf *out, int64_t us);

#endif
