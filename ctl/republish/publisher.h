/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_REPUBLISH_PUBLISHER_H
#define SLUICE_CTL_REPUBLISH_PUBLISHER_H

/* Publishes events again, with many confirms outstanding: to the workers through the first retry tier, so
 * that other subscribers don't receive them, or to one queue. */

#include "broker.h"
#include "config.h"
#include "confirm.h"
#include "error.h"
#include "message.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maximum number of messages published before publisher_finish is called. */
#define PUBLISHER_OUTSTANDING_MAX 512

struct publisher_options {
    const struct broker_access *access;
    const char *connection_name;
    const struct config_durations *delays; /* DELAYS; the first is the tier, for the workers */
    int64_t shards;                        /* QUEUE_SHARDS: how many queues the workers have */
    const char *queue;                     /* NULL: to the workers */
    int64_t rate;                          /* messages a second at most; 0: no limit */
};

struct publisher {
    struct broker *broker;
    struct confirm confirm;
    char exchange[TOPOLOGY_NAME_MAX]; /* "": the default exchange, whose routing keys are names of queues */
    const char *queue;
    size_t shards;
    int64_t rate;
    int64_t due_us; /* time of the next publish */
    bool blocked;
    size_t refused, returned; /* since publisher_open */
};

/* Connects. ERROR_SETTING: DELAYS is empty; ERROR_NOT_FOUND: the tier, or the queue, is not declared on the
 * broker; other errors as for broker_open. The caller must call publisher_close, also after an error. */
MUST_CHECK enum error_code publisher_open(struct publisher *publisher,
                                          const struct publisher_options *options, struct error *error);
/* How many messages are ready where it publishes to: in the queue, or in the tier and the workers' queues. No
 * message may be outstanding. Waits for the broker's answer. */
MUST_CHECK enum error_code publisher_ready(struct publisher *publisher, int64_t *ready, struct error *error);
/* Publishes a message. Waits as the rate requires, and up to 30 s for the end of an alarm. After an error the
 * connection must not be used again. */
MUST_CHECK enum error_code publisher_publish(struct publisher *publisher, const struct message *message,
                                             struct error *error);
/* Waits until the broker has confirmed, nacked or returned all published messages, for up to 30 s from one
 * answer to the next. After ERROR_NONE, `refused` and `returned` count the messages that were not stored. */
MUST_CHECK enum error_code publisher_finish(struct publisher *publisher, struct error *error);
/* Waits until until_us (monotonic), or for the broker's next word, but at most 2 s: call it again and again
 * while there is nothing to publish, so that the broker hears of us. */
MUST_CHECK enum error_code publisher_wait(struct publisher *publisher, int64_t until_us, struct error *error);
/* Where it publishes to, for people: the name of the tier, or of the queue. Valid as long as the publisher.
 */
const char *publisher_target(const struct publisher *publisher);
void publisher_close(struct publisher *publisher);

#endif
