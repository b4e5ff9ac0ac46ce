/* SPDX-License-Identifier: MIT */
#include "depths.h"

#include "clock.h"
#include "metrics.h"
#include "topology.h"

#define HEARTBEAT_S 10
#define EVERY_US (60 * CLOCK_US_PER_S)
#define UNKNOWN (-1)

#define READY "sluice_worker_queue_messages"
#define READY_HELP                                                                                           \
    "Messages that are ready in the queue: not those that workers hold (sluice_worker_unacked). Asked once " \
    "a "                                                                                                     \
    "minute; no row while the broker can't be asked. All workers show the same, so take the max."

/* In the order of the queues below. */
static struct metric metrics[] = {
    {READY, "queue=\"ingest\"", READY_HELP, METRIC_ESTIMATE, UNKNOWN},
    {READY, "queue=\"dead\"", READY_HELP, METRIC_ESTIMATE, UNKNOWN},
};
static const char *const queues[] = {TOPOLOGY_INGEST, TOPOLOGY_DEAD};

#define QUEUES (sizeof queues / sizeof queues[0])

void depths_register(void)
{
    metrics_register(metrics, QUEUES);
}

static void forget(size_t from)
{
    for (size_t i = from; i < QUEUES; i++) {
        metric_set(&metrics[i], UNKNOWN);
    }
}

/* Runs on the opening's thread. A missing queue ends the channel, so what follows it stays unknown. */
static enum error_code ask(struct broker *broker, const void *wanted, struct error *error)
{
    (void)wanted;
    for (size_t i = 0; i < QUEUES; i++) {
        uint32_t ready, consumers;
        enum error_code code = broker_inspect(broker, queues[i], &ready, &consumers, error);

        if (code != ERROR_NONE) {
            forget(i);
            return code;
        }
        metric_set(&metrics[i], ready);
    }
    return ERROR_NONE;
}

/* Why it could not be asked is told by worker/deliver, which has the same broker. */
static void end_asking(struct depths *d)
{
    struct broker *none;
    struct error error;

    if (opening_end(d->opening, &none, &error) != ERROR_NONE && error.code != ERROR_NOT_FOUND) {
        forget(0);
    }
    d->opening = NULL;
}

void depths_step(struct depths *d, bool away, int64_t now_us)
{
    const struct opening_options options = {
        .broker = {&d->settings->broker, d->connection_name, .heartbeat_s = HEARTBEAT_S},
        .check = ask,
        .check_only = true,
    };
    struct error error;

    if (d->opening != NULL) {
        if (opening_is_done(d->opening)) {
            end_asking(d);
        }
    } else if (away) {
        forget(0);
        d->next_us = 0;
    } else if (now_us >= d->next_us) {
        d->next_us = now_us + EVERY_US;
        if (opening_begin(&d->opening, &options, &error) != ERROR_NONE) {
            forget(0);
        }
    }
}

void depths_end(struct depths *d)
{
    opening_leave(d->opening);
    d->opening = NULL;
}
