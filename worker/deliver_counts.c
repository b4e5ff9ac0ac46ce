/* SPDX-License-Identifier: MIT */
#include "deliver_counts.h"

#include "metrics.h"

enum { DELIVERED, REDELIVERED, MALFORMED, NEWER, ACKED, GIVEN_BACK, CONNECTED, LOST, METRICS };

static struct metric metrics[METRICS] = {
    [DELIVERED] = {"sluice_worker_deliveries_total", NULL, "Events received from the broker.", METRIC_COUNTER,
                   0},
    [REDELIVERED] = {"sluice_worker_redeliveries_total", NULL,
                     "Events received that had been delivered before.", METRIC_COUNTER, 0},
    [MALFORMED] = {"sluice_worker_malformed_total", NULL, "Messages received that no gateway wrote.",
                   METRIC_COUNTER, 0},
    [NEWER] = {"sluice_worker_newer_total", NULL,
               "Messages received with an envelope of a later release: this worker must be upgraded.",
               METRIC_COUNTER, 0},
    [ACKED] = {"sluice_worker_acked_total", NULL,
               "Events whose messages were acknowledged, or went back with others of their bundle.",
               METRIC_COUNTER, 0},
    [GIVEN_BACK] = {"sluice_worker_given_back_total", NULL,
                    "Events given back to the queue: held too long, without a retry queue.", METRIC_COUNTER,
                    0},
    [CONNECTED] = {"sluice_worker_broker_connects_total", NULL, "Connections made to the broker.",
                   METRIC_COUNTER, 0},
    [LOST] = {"sluice_worker_broker_failures_total", NULL, "Connections to the broker lost or not made.",
              METRIC_COUNTER, 0},
};

void deliver_counts_register(void)
{
    metrics_register(metrics, METRICS);
}

void deliver_counts_delivered(const struct event *event)
{
    metric_add(&metrics[DELIVERED], 1);
    metric_add(&metrics[REDELIVERED], event->delivery->redelivered);
    metric_add(&metrics[MALFORMED], event->form == EVENT_MALFORMED);
    metric_add(&metrics[NEWER], event->form == EVENT_NEWER);
}

void deliver_counts_acked(size_t messages)
{
    metric_add(&metrics[ACKED], (int64_t)messages);
}

void deliver_counts_given_back(void)
{
    metric_add(&metrics[GIVEN_BACK], 1);
}

void deliver_counts_connected(void)
{
    metric_add(&metrics[CONNECTED], 1);
}

void deliver_counts_lost(void)
{
    metric_add(&metrics[LOST], 1);
}
