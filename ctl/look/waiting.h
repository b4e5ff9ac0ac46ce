/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_WAITING_H
#define SLUICE_CTL_LOOK_WAITING_H

/* How many messages wait in each queue. No message is read: reading one would count as a delivery and change
 * its place. So it isn't known which events wait, nor since when: RabbitMQ tells no ages of a quorum queue.
 */

#include "broker.h"
#include "config.h"
#include "error.h"
#include "topology.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define WAITING_UNKNOWN INT64_C(-1)

struct waiting_queue {
    char name[TOPOLOGY_NAME_MAX];
    bool there;
    int64_t ready;   /* now */
    int64_t unacked; /* delivered and not settled; up to 5 s old; WAITING_UNKNOWN if the API doesn't tell */
    int64_t wait_s;  /* a message goes on after this time; 0: when a worker takes it */
};

struct waiting {
    struct waiting_queue queues[TOPOLOGY_QUEUES_MAX];
    size_t count;
};

struct waiting_options {
    const struct broker_access *access;
    const char *management_url; /* "": don't ask the management API */
    const char *connection_name;
    const struct config_durations *delays;
    int64_t shards; /* how many ingest queues there are */
};

/* Asks the broker, then its management API. After an error of the latter the numbers that only it knows are
 * unknown; the error is returned. Errors as for queues_inspect and management_get. */
MUST_CHECK enum error_code waiting_ask(struct waiting *waiting, const struct waiting_options *options,
                                       struct error *error);
/* Returns how many messages are in all queues or held by workers, as far as that is known. */
int64_t waiting_count(const struct waiting *waiting);
/* True when the number of messages held by workers is known for each queue. */
bool waiting_is_complete(const struct waiting *waiting);

/* Fills what the management API's list of queues knows. list: as management_list returns it, or NULL. Pure.
 */
void waiting_fill(struct waiting *waiting, const cJSON *list);

#endif
