/* SPDX-License-Identifier: MIT */
#include "held.h"

#include "clock.h"
#include "metrics.h"

#define LOOK_US CLOCK_US_PER_S

enum { WAITING, STORING, PARKED, REPAIR, BRAKED, RETRYING, UNACKED, BYTES, OLDEST, METRICS };

#define EVENTS "sluice_worker_held_events"
#define EVENTS_HELP                                                                                          \
    "Events in this worker by what they wait for: waiting (for a connection), storing (in a batch), parked " \
    "(failed "                                                                                               \
    "by themselves, tried again alone), repair (the same, and somebody must repair the database first), "    \
    "braked "                                                                                                \
    "(for the brake of their source), retrying (for a retry queue to take them)."
static struct metric metrics[METRICS] = {
    [WAITING] = {EVENTS, "cause=\"waiting\"", EVENTS_HELP, METRIC_GAUGE, 0},
    [STORING] = {EVENTS, "cause=\"storing\"", EVENTS_HELP, METRIC_GAUGE, 0},
    [PARKED] = {EVENTS, "cause=\"parked\"", EVENTS_HELP, METRIC_GAUGE, 0},
    [REPAIR] = {EVENTS, "cause=\"repair\"", EVENTS_HELP, METRIC_GAUGE, 0},
    [BRAKED] = {EVENTS, "cause=\"braked\"", EVENTS_HELP, METRIC_GAUGE, 0},
    [RETRYING] = {EVENTS, "cause=\"retrying\"", EVENTS_HELP, METRIC_GAUGE, 0},
    [UNACKED] = {"sluice_worker_unacked", NULL,
                 "Messages that the broker has delivered to this worker and that aren't acked.", METRIC_GAUGE,
                 0},
    [BYTES] = {"sluice_worker_held_bytes", NULL, "Bytes of the messages that are delivered and not settled.",
               METRIC_GAUGE, 0},
    [OLDEST] =
        {"sluice_worker_oldest_event_timestamp_seconds", NULL,
         "When the oldest event that this worker holds was received by a gateway, in seconds since 1970. No "
         "row while it holds none.",
         METRIC_TIMESTAMP, 0},
};

void held_register(void)
{
    metrics_register(metrics, METRICS);
}

static int64_t waiting_for_repair(const struct backlog *backlog)
{
    int64_t count = 0;

    for (size_t i = 0; i < backlog->parked_count; i++) {
        count += backlog->parked[i]->verdict == VERDICT_OPERATOR;
    }
    return count;
}

static void show_oldest(const struct ack *ack, int64_t now_us)
{
    static int64_t looked_us;

    if (ack_owed(ack) == 0) {
        metric_set(&metrics[OLDEST], 0);
    } else if (now_us - looked_us >= LOOK_US || metric_get(&metrics[OLDEST]) == 0) {
        looked_us = now_us;
        metric_set(&metrics[OLDEST], ack_oldest_us(ack));
    }
}

void held_show(const struct held *held, int64_t now_us)
{
    const struct backlog *backlog = &held->schedule->backlog;
    int64_t repair = waiting_for_repair(backlog);

    metric_set(&metrics[WAITING], (int64_t)backlog_waiting(backlog));
    metric_set(&metrics[STORING], (int64_t)pool_storing(held->pool));
    metric_set(&metrics[PARKED], (int64_t)backlog->parked_count - repair);
    metric_set(&metrics[REPAIR], repair);
    metric_set(&metrics[BRAKED], (int64_t)held->schedule->judge.sources.held);
    metric_set(&metrics[RETRYING], (int64_t)retry_held(held->retry));
    metric_set(&metrics[UNACKED], (int64_t)ack_owed(held->ack));
    metric_set(&metrics[BYTES], (int64_t)ack_bytes(held->ack));
    show_oldest(held->ack, now_us);
}
