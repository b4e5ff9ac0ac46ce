/* SPDX-License-Identifier: MIT */
#include "latency.h"

#include "clock.h"
#include "clock_ahead.h"
#include "metrics.h"

/* From 5 ms to 6 h: an event may have waited for a repair, or for a delay of its source. */
#define SINCE_RECEIPT                                                                                     \
    {                                                                                                     \
        5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, \
            120000000, 600000000, 3600000000, 21600000000                                                 \
    }

static struct histogram queue_wait = {
    .name = "sluice_worker_queue_wait_seconds",
    .help =
        "Seconds from the receipt of an event by a gateway to its first delivery to a worker; a delay of its "
        "source is in it. Events that come from a retry queue after a failure, or again, aren't.",
    .unit = HISTOGRAM_SECONDS,
    .bounds = SINCE_RECEIPT,
};
static struct histogram end_to_end = {
    .name = "sluice_worker_end_to_end_seconds",
    .help =
        "Seconds from the receipt of an event by a gateway to the commit of its row, for stored and replaced "
        "events.",
    .unit = HISTOGRAM_SECONDS,
    .bounds = SINCE_RECEIPT,
};
static struct histogram batch_seconds = {
    .name = "sluice_worker_batch_seconds",
    .help = "Seconds from sending a batch to its last answer: its commit, unless it failed.",
    .unit = HISTOGRAM_SECONDS,
    .bounds = {1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
               10000000, 30000000, 60000000},
};
static struct histogram batch_events = {
    .name = "sluice_worker_batch_events",
    .help = "Events of a batch, whatever became of them.",
    .unit = HISTOGRAM_COUNT,
    .bounds = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000},
};

void latency_register(void)
{
    metrics_register_histogram(&queue_wait);
    metrics_register_histogram(&end_to_end);
    metrics_register_histogram(&batch_seconds);
    metrics_register_histogram(&batch_events);
}

void latency_delivered(const struct event *event, int64_t wall_us)
{
    clock_ahead_delivered(event, wall_us);
    if (event->form == EVENT_READABLE && event->envelope.attempt == 0 && !event->delivery->redelivered &&
        !event_is_again(event)) {
        histogram_observe(&queue_wait, wall_us - event->envelope.received_us);
    }
}

void latency_batch(const struct batch *batch, int64_t begun_us, int64_t now_us)
{
    int64_t wall_us = clock_wall_us();

    histogram_observe(&batch_seconds, now_us - begun_us);
    histogram_observe(&batch_events, (int64_t)batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];

        if ((event->state == EVENT_STORED || event->state == EVENT_REPLACED) && !event_is_again(event)) {
            histogram_observe(&end_to_end, wall_us - event->envelope.received_us);
        }
    }
}
