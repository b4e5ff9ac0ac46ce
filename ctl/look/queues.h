/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_QUEUES_H
#define SLUICE_CTL_LOOK_QUEUES_H

#include "broker.h"
#include "config.h"
#include "error.h"
#include "topology.h"

#include <stdbool.h>
#include <stdint.h>

struct queue_depth {
    char name[TOPOLOGY_NAME_MAX];
    bool there;
    uint32_t ready; /* without unacked messages, which AMQP doesn't report */
    uint32_t consumers;
};

struct queue_depths {
    struct queue_depth queues[TOPOLOGY_QUEUES_MAX];
    size_t count;
};

struct queues_options {
    const struct broker_access *access;
    const char *connection_name;
    const struct config_durations *delays;
    int64_t shards; /* how many ingest queues there are */
};

/* Reads the depth of all queues of Sluice. A missing queue is not an error. */
MUST_CHECK enum error_code queues_inspect(struct queue_depths *depths, const struct queues_options *options,
                                          struct error *error);
/* The same over a connection that the caller keeps: opens *broker when it is NULL, and sets it to NULL after
 * an error or a missing queue. The caller ends it with broker_close. */
MUST_CHECK enum error_code queues_inspect_over(struct broker **broker, struct queue_depths *depths,
                                               const struct queues_options *options, struct error *error);
/* Returns the number of ready messages in all queues. */
int64_t queues_ready(const struct queue_depths *depths);

#endif
