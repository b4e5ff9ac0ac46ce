/* SPDX-License-Identifier: MIT */
#include "message_counts.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"

enum { PUBLISHED, STORED, RETURNED, NACKED, LOST, BYTES, BUNDLES, BUNDLED, STRAY, OUTSTANDING, METRICS };
#define MESSAGES "sluice_gateway_messages_total"
#define MESSAGES_HELP "Events published to the broker, and of these: stored, returned, nacked or lost."
static struct metric metrics[METRICS] = {
    [PUBLISHED] = {MESSAGES, "outcome=\"published\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [STORED] = {MESSAGES, "outcome=\"stored\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [RETURNED] = {MESSAGES, "outcome=\"returned\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [NACKED] = {MESSAGES, "outcome=\"nacked\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [LOST] = {MESSAGES, "outcome=\"lost\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [BYTES] = {"sluice_gateway_message_bytes_total", NULL,
               "Bytes of the bodies of the messages published to the broker.", METRIC_COUNTER, 0},
    [BUNDLES] = {"sluice_gateway_bundles_total", NULL,
                 "Messages that held several events (GATEWAY_BUNDLE_EVENTS).", METRIC_COUNTER, 0},
    [BUNDLED] = {"sluice_gateway_bundled_events_total", NULL, "Events in these messages.", METRIC_COUNTER, 0},
    [STRAY] = {"sluice_gateway_stray_confirms_total", NULL,
               "Confirms and returns that match no outstanding message: a bug.", METRIC_COUNTER, 0},
    [OUTSTANDING] = {"sluice_gateway_outstanding", NULL, "Events published and not yet confirmed.",
                     METRIC_GAUGE, 0},
};

static struct histogram confirm_seconds = {
    .name = "sluice_gateway_confirm_seconds",
    .help = "Seconds from publishing an event to the broker's answer to it, also when its sender has been "
            "answered before.",
    .unit = HISTOGRAM_SECONDS,
    .bounds = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
               10000000, 30000000},
};

void message_counts_register(void)
{
    metrics_register(metrics, METRICS);
    metrics_register_histogram(&confirm_seconds);
}

void message_counts_published(size_t bytes, size_t events)
{
    metric_add(&metrics[BYTES], (int64_t)bytes);
    metric_add(&metrics[PUBLISHED], (int64_t)events);
    metric_add(&metrics[OUTSTANDING], (int64_t)events);
    if (events > 1) {
        metric_add(&metrics[BUNDLES], 1);
        metric_add(&metrics[BUNDLED], (int64_t)events);
    }
}

static int counter_of(enum confirm_outcome outcome)
{
    switch (outcome) {
    case CONFIRM_STORED:
        return STORED;
    case CONFIRM_RETURNED:
        return RETURNED;
    case CONFIRM_REFUSED:
        return NACKED;
    case CONFIRM_LOST:
        return LOST;
    }
    return LOST;
}

void message_counts_settled(enum confirm_outcome outcome, int64_t published_us)
{
    metric_add(&metrics[OUTSTANDING], -1);
    metric_add(&metrics[counter_of(outcome)], 1);
    if (outcome != CONFIRM_LOST) {
        histogram_observe(&confirm_seconds, clock_monotonic_us() - published_us);
    }
}

void message_counts_stray(const char *kind, uint64_t number)
{
    metric_add(&metrics[STRAY], 1);
    log_error("stray-confirm", log_text("kind", kind), log_number("number", (int64_t)number));
}
