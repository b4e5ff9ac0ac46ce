/* SPDX-License-Identifier: MIT */
#include "retry_counts.h"

#include "clock.h"
#include "metrics.h"
#include "topology.h"

#include <inttypes.h>
#include <stdio.h>

enum { REFUSED, RETURNED, LOST, AWAY, POSTPONED, METRICS };
#define FAILURES "sluice_worker_retry_failures_total"
#define FAILURES_HELP                                                                                  \
    "Events that a retry queue has not taken so far, and that are tried again: refused (the queue is " \
    "full), "                                                                                          \
    "returned (there is no queue), lost (no confirm came); away: failed attempts to connect for retries."

static struct metric metrics[METRICS] = {
    [REFUSED] = {FAILURES, "why=\"refused\"", FAILURES_HELP, METRIC_COUNTER, 0},
    [RETURNED] = {FAILURES, "why=\"returned\"", FAILURES_HELP, METRIC_COUNTER, 0},
    [LOST] = {FAILURES, "why=\"lost\"", FAILURES_HELP, METRIC_COUNTER, 0},
    [AWAY] = {FAILURES, "why=\"away\"", FAILURES_HELP, METRIC_COUNTER, 0},
    [POSTPONED] = {"sluice_worker_postponed_total", NULL,
                   "Events given to a retry queue unchanged, with no attempt counted.", METRIC_COUNTER, 0},
};

/* The admin thread may look before they have their names. */
static struct {
    char name[24];
    _Atomic int64_t retried;
} tiers[TOPOLOGY_DELAYS_MAX];
static _Atomic size_t named;

static void show_tiers(metric_show *show, void *context)
{
    size_t count = atomic_load(&named);

    for (size_t i = 0; i < count; i++) {
        show(context, span_of(tiers[i].name), &tiers[i].retried);
    }
}

void retry_counts_register(void)
{
    static const struct metric_column retried = {
        "sluice_worker_retried_total", NULL, "Events given to a retry queue, by its wait.", METRIC_COUNTER};
    static const struct metric_family family = {"tier", &retried, 1, show_tiers};

    metrics_register_family(&family);
    metrics_register(metrics, METRICS);
}

void retry_counts_name(const struct config_durations *delays)
{
    for (size_t i = 0; i < delays->count; i++) {
        (void)snprintf(tiers[i].name, sizeof tiers[i].name, "%" PRId64 "s", delays->us[i] / CLOCK_US_PER_S);
    }
    atomic_store(&named, delays->count);
}

static void count_taken(const struct event *event)
{
    if (event->postponed) {
        metric_add(&metrics[POSTPONED], 1);
    } else {
        (void)atomic_fetch_add_explicit(&tiers[event->tier].retried, 1, memory_order_relaxed);
    }
}

void retry_counts_settled(const struct event *event, enum confirm_outcome outcome)
{
    switch (outcome) {
    case CONFIRM_STORED:
        count_taken(event);
        break;
    case CONFIRM_RETURNED:
        metric_add(&metrics[RETURNED], 1);
        break;
    case CONFIRM_REFUSED:
        metric_add(&metrics[REFUSED], 1);
        break;
    case CONFIRM_LOST:
        metric_add(&metrics[LOST], 1);
        break;
    }
}

void retry_counts_away(void)
{
    metric_add(&metrics[AWAY], 1);
}
