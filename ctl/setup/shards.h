/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_SHARDS_H
#define SLUICE_CTL_SETUP_SHARDS_H

/* The ingest queues that the broker has already: how many of them events are spread over, and those that get
 * no events any more but may still hold some. */

#include "broker.h"
#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

struct shards {
    struct management *management;        /* NULL: AMQP alone */
    const struct broker_options *options; /* for AMQP alone */
    const char *vhost;                    /* its name */
    const char *segment;                  /* the same, escaped for a path */
};

/* Finds how many ingest queues events are spread over now; 1 when there are none yet. AMQP alone can't count
 * them: ERROR_SETTING when there are several, since QUEUE_SHARDS must say it then. */
MUST_CHECK enum error_code shards_count(const struct shards *shards, int64_t *count, struct error *error);
/* Checks, for a topology of several ingest queues, that each node that runs has the plugin enabled: a node
 * without it refuses every event. ERROR_SETTING names the nodes without, and what to do; with
 * outcome->checking they are differences. The management API tells of it some seconds late, so it is asked
 * again for a while. AMQP alone can't tell: then the declaration fails. */
MUST_CHECK enum error_code shards_check_plugin(const struct shards *shards, const struct topology *topology,
                                               struct outcome *outcome, struct error *error);
/* Tells of each ingest queue that the topology lacks: that it can be deleted, and when. AMQP alone looks no
 * further than the first gap. */
MUST_CHECK enum error_code shards_tell_left(const struct shards *shards, const struct topology *topology,
                                            const struct outcome *outcome, struct error *error);

#endif
