/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_OVERVIEW_H
#define SLUICE_CTL_OVERVIEW_OVERVIEW_H

/* How Sluice is doing now: all numbers of `sluice status` and of the console's page Now, gathered once. */

#include "broker.h"
#include "ctl/look/queues.h"
#include "ctl/settings.h"
#include "error.h"
#include "replicas.h"
#include "totals.h"

#include <cjson/cJSON.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define OVERVIEW_UNKNOWN INT64_C(-1)
#define OVERVIEW_ERRORS_MAX 5

/* Connections that stay open from one look to the next; a look opens what is NULL and closes what failed.
 * Zero-initialise, and end with overview_leave. */
struct overview_links {
    struct broker *broker;
    PGconn *database;
};

struct overview_options {
    const char *subcommand; /* names the connections */
    bool count_rows;        /* scans tables of up to a million rows; false: the planner's estimate */
    bool skip_database;     /* its numbers stay unknown */
};

/* What the database tells. */
struct overview_database {
    int64_t rows;
    bool rows_estimated;
    int64_t dead;         /* dead letters; by Postgres' statistics, unless rows are counted */
    int64_t last_dead_us; /* when the last dead letter was written */
    int64_t held, budget, max_connections;
};

/* Counts are OVERVIEW_UNKNOWN when nobody could tell them. */
struct overview {
    int64_t at_us; /* wall clock */
    bool asks_gateways, asks_workers;
    struct replicas gateways, workers; /* their metrics are in totals and freed */
    struct totals totals;
    struct queue_depths depths;           /* count 0: unknown */
    int64_t queue_bytes, queue_max_bytes; /* of the fullest ingest queue; known to the management API */
    cJSON *queues; /* Sluice's queues as the management API lists them, with ingest queues that are left of
                      another QUEUE_SHARDS; NULL: unknown */
    size_t nodes;  /* of the broker, running or not; 0: unknown */
    struct overview_database database;
    int64_t worker_count, standby;
    struct error errors[OVERVIEW_ERRORS_MAX]; /* of servers that could not be asked */
    size_t error_count;
};

/* Asks the gateways and workers, the broker, the database and, when it is set, the management API. What
 * doesn't answer leaves its numbers unknown and adds an error. before: the look before, for the causes of
 * refusals; or NULL. Needs http_start. The caller calls overview_free. */
void overview_ask(struct overview *overview, struct overview_links *links,
                  const struct status_settings *settings, const struct overview_options *options,
                  const struct overview *before);
void overview_free(struct overview *overview);
void overview_leave(struct overview_links *links);

/* All ingest queues as one: ready is their sum, and consumers the most that one of them has, since each
 * worker consumes all. False, and nothing: they are not all known. */
bool overview_ingest(const struct overview *overview, struct queue_depth *all);
/* The depth of the queue of this name, or NULL. */
const struct queue_depth *overview_queue(const struct overview *overview, const char *name);

#endif
