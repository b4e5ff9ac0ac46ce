/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define ARRAYS_MAX 16

static struct {
    struct metric *metrics;
    size_t count;
} arrays[ARRAYS_MAX];
static size_t array_count;

void metrics_register(struct metric *metrics, size_t count)
{
    for (size_t i = 0; i < array_count; i++) {
        if (arrays[i].metrics == metrics) {
            return;
        }
    }
    assert(array_count < ARRAYS_MAX);
    arrays[array_count].metrics = metrics;
    arrays[array_count].count = count;
    array_count++;
}

/* Relaxed ordering is enough: no other data depends on a metric's value. */
void metric_add(struct metric *m, int64_t n)
{
    (void)atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
    atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

int64_t metric_get(const struct metric *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}

static const char *kind_name(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    }
    return "untyped";
}

void metrics_render(struct buf *out)
{
    const char *last_name = "";

    for (size_t a = 0; a < array_count; a++) {
        for (size_t i = 0; i < arrays[a].count; i++) {
            const struct metric *m = &arrays[a].metrics[i];

            if (strcmp(m->name, last_name) != 0) {
                buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                           kind_name(m->kind));
                last_name = m->name;
            }
            if (m->labels != NULL) {
                buf_printf(out, "%s{%s} %" PRId64 "\n", m->name, m->labels, metric_get(m));
            } else {
                buf_printf(out, "%s %" PRId64 "\n", m->name, metric_get(m));
            }
        }
    }
}
