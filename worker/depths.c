/* SPDX-License-Identifier: MIT */
#include "depths.h"

#include "clock.h"
#include "metrics.h"
#include "topology.h"

#include <stdatomic.h>
#include <stdio.h>

#define HEARTBEAT_S 10
#define EVERY_US (60 * CLOCK_US_PER_S)
#define UNKNOWN (-1)

#define DEAD TOPOLOGY_SHARDS_MAX /* after the ingest queues, of which there may be fewer */
#define SHOWN_FROM (sizeof TOPOLOGY_PREFIX - 1)

static struct depth {
    char queue[TOPOLOGY_NAME_MAX];
    _Atomic int64_t ready;
} depths[TOPOLOGY_SHARDS_MAX + 1];

static const struct metric_column column = {
    .name = "sluice_worker_queue_messages",
    .help =
        "Messages that are ready in the queue: not those that workers hold (sluice_worker_unacked). "
        "queue: ingest, dead; with several ingest queues also ingest.1 and so on. Asked once a minute; no "
        "row while the broker can't be asked. All workers show the same, so take the max.",
    .kind = METRIC_ESTIMATE,
};

static void each(metric_show *show, void *context)
{
    for (size_t i = 0; i <= DEAD; i++) {
        show(context, span_of(depths[i].queue + SHOWN_FROM), &depths[i].ready);
    }
}

static const struct metric_family family = {"queue", &column, 1, each};

static void forget(size_t from)
{
    for (size_t i = from; i <= DEAD; i++) {
        depths[i].ready = UNKNOWN;
    }
}

void depths_register(void)
{
    for (size_t i = 0; i < DEAD; i++) {
        topology_ingest(depths[i].queue, i);
    }
    (void)snprintf(depths[DEAD].queue, sizeof depths[DEAD].queue, "%s", TOPOLOGY_DEAD);
    forget(0);
    metrics_register_family(&family);
}

/* Runs on the opening's thread. A missing queue ends the channel, so what follows it stays unknown. */
static enum error_code ask(struct broker *broker, const void *wanted, struct error *error)
{
    const size_t shards = *(const size_t *)wanted;

    for (size_t i = 0; i <= shards; i++) {
        struct depth *depth = &depths[i < shards ? i : DEAD];
        uint32_t ready, consumers;
        enum error_code code = broker_inspect(broker, depth->queue, &ready, &consumers, error);

        if (code != ERROR_NONE) {
            forget(i);
            return code;
        }
        depth->ready = ready;
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
    const size_t shards = (size_t)d->settings->shards;
    const struct opening_options options = {
        .broker = {&d->settings->broker, d->connection_name, .heartbeat_s = HEARTBEAT_S},
        .check = ask,
        .wanted = &shards,
        .wanted_size = sizeof shards,
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
