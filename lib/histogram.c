/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#include "metrics.h"

#include <inttypes.h>

static size_t bounds_of(const struct histogram *h)
{
    size_t count = 0;

    while (count < HISTOGRAM_BOUNDS_MAX && h->bounds[count] != 0) {
        count++;
    }
    return count;
}

/* Relaxed, as all metrics: a render may see the count of a value whose sum it does not see yet. */
void histogram_observe(struct histogram *h, int64_t value)
{
    size_t at = 0;

    value = value < 0 ? 0 : value;
    while (at < HISTOGRAM_BOUNDS_MAX && h->bounds[at] != 0 && value > h->bounds[at]) {
        at++;
    }
    (void)atomic_fetch_add_explicit(&h->counts[at], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&h->sum, value, memory_order_relaxed);
}

static void append(const struct histogram *h, int64_t value, struct buf *out)
{
    switch (h->unit) {
    case HISTOGRAM_SECONDS:
        metric_append_seconds(out, value);
        break;
    case HISTOGRAM_COUNT:
        buf_printf(out, "%" PRId64, value);
        break;
    }
}

void histogram_render(const struct histogram *h, struct buf *out)
{
    size_t bounds = bounds_of(h);
    int64_t count = 0;

    for (size_t i = 0; i <= bounds; i++) {
        count += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        buf_printf(out, "%s_bucket{le=\"", h->name);
        if (i < bounds) {
            append(h, h->bounds[i], out);
        } else {
            buf_append_text(out, "+Inf");
        }
        buf_printf(out, "\"} %" PRId64 "\n", count);
    }
    buf_printf(out, "%s_sum ", h->name);
    append(h, atomic_load_explicit(&h->sum, memory_order_relaxed), out);
    buf_printf(out, "\n%s_count %" PRId64 "\n", h->name, count);
}
