/* SPDX-License-Identifier: MIT */
#include "queues.h"

#include "clock.h"

#include <stdio.h>

/* Opens *broker when it is NULL. Closes it after a missing queue, because the channel is lost then. */
static enum error_code inspect(struct broker **broker, const struct broker_options *options,
                               struct queue_depth *depth, struct error *error)
{
    enum error_code code = ERROR_NONE;

    if (*broker == NULL) {
        code = broker_open(broker, options, error);
    }
    if (code == ERROR_NONE) {
        code = broker_inspect(*broker, depth->name, &depth->ready, &depth->consumers, error);
        depth->there = code == ERROR_NONE;
    }
    if (code == ERROR_NOT_FOUND) {
        broker_close(*broker, false);
        *broker = NULL;
        return ERROR_NONE;
    }
    return code;
}

enum error_code queues_inspect_over(struct broker **broker, struct queue_depths *depths,
                                    const struct queues_options *options, struct error *error)
{
    const struct broker_options broker_options = {
        .access = options->access, .connection_name = options->connection_name, .heartbeat_s = 20};
    struct topology topology;
    enum error_code code =
        topology_build(&topology, options->delays->us, options->delays->count, options->shards, 0, error);

    *depths = (struct queue_depths){0};
    for (size_t i = 0; code == ERROR_NONE && i < topology.queue_count; i++) {
        struct queue_depth *depth = &depths->queues[depths->count++];

        (void)snprintf(depth->name, sizeof depth->name, "%s", topology.queues[i].name);
        code = inspect(broker, &broker_options, depth, error);
    }
    if (code != ERROR_NONE) {
        broker_close(*broker, false);
        *broker = NULL;
    }
    return code;
}

enum error_code queues_inspect(struct queue_depths *depths, const struct queues_options *options,
                               struct error *error)
{
    struct broker *broker = NULL;
    enum error_code code = queues_inspect_over(&broker, depths, options, error);

    broker_close(broker, true);
    return code;
}

int64_t queues_ready(const struct queue_depths *depths)
{
    int64_t ready = 0;

    for (size_t i = 0; i < depths->count; i++) {
        ready += depths->queues[i].ready;
    }
    return ready;
}
