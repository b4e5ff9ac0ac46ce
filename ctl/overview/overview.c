/* SPDX-License-Identifier: MIT */
#include "overview.h"

#include "clock.h"
#include "servers.h"
#include "topology.h"

#include <string.h>

static void note(struct overview *overview, const struct error *error)
{
    if (overview->error_count < OVERVIEW_ERRORS_MAX) {
        overview->errors[overview->error_count++] = *error;
    }
}

static void ask_replicas(struct overview *overview, struct replicas *replicas, const char *admins)
{
    struct error error = {0};

    if (replicas_ask(replicas, admins, &error) != ERROR_NONE) {
        note(overview, &error);
        replicas_free(replicas);
    }
    for (size_t i = 0; i < replicas->count; i++) {
        totals_add(&overview->totals, buf_span(&replicas->list[i].metrics));
        buf_free(&replicas->list[i].metrics);
    }
}

/* A connection that was kept may have ended since: a new one decides. */
static void ask_broker(struct overview *overview, struct overview_links *links,
                       const struct status_settings *settings, const char *connection_name)
{
    const struct queues_options options = {
        .access = &settings->broker,
        .connection_name = connection_name,
        .delays = &settings->delays,
        .shards = settings->shards,
    };
    bool kept = links->broker != NULL;
    struct error error = {0};
    enum error_code code = queues_inspect_over(&links->broker, &overview->depths, &options, &error);

    if (code != ERROR_NONE && kept) {
        code = queues_inspect_over(&links->broker, &overview->depths, &options, &error);
    }
    if (code != ERROR_NONE) {
        note(overview, &error);
        overview->depths.count = 0;
    }
}

static void ask_database(struct overview *overview, struct overview_links *links,
                         const struct status_settings *settings, const struct overview_options *options)
{
    bool kept = links->database != NULL;
    struct error error = {0};
    enum error_code code =
        servers_ask_database(&overview->database, &links->database, settings, options, &error);

    if (code != ERROR_NONE && kept) {
        code = servers_ask_database(&overview->database, &links->database, settings, options, &error);
    }
    if (code != ERROR_NONE) {
        note(overview, &error);
    }
}

const struct queue_depth *overview_queue(const struct overview *overview, const char *name)
{
    for (size_t i = 0; i < overview->depths.count; i++) {
        if (strcmp(overview->depths.queues[i].name, name) == 0) {
            return &overview->depths.queues[i];
        }
    }
    return NULL;
}

bool overview_ingest(const struct overview *overview, struct queue_depth *all)
{
    size_t found = 0, there = 0;

    *all = (struct queue_depth){.there = true};
    for (size_t i = 0; i < overview->depths.count; i++) {
        const struct queue_depth *queue = &overview->depths.queues[i];

        if (topology_is_ingest(queue->name)) {
            found++;
            there += queue->there;
            all->ready += queue->ready;
            all->consumers = queue->consumers > all->consumers ? queue->consumers : all->consumers;
        }
    }
    return found > 0 && there == found;
}

/* The workers' own answers count. Without them: the management API lists a connection some seconds late, but
 * each consumer is certainly a worker, and a worker without one waits for a place in the budget. */
static void count_workers(struct overview *overview)
{
    struct queue_depth ingest;
    bool known = overview_ingest(overview, &ingest);

    if (overview->asks_workers) {
        overview->worker_count = (int64_t)replicas_answered(&overview->workers);
        overview->standby = (int64_t)overview->totals.standby;
        return;
    }
    if (overview->worker_count == OVERVIEW_UNKNOWN || !known) {
        return;
    }
    if (overview->worker_count < ingest.consumers) {
        overview->worker_count = ingest.consumers;
    }
    overview->standby = overview->worker_count - ingest.consumers;
}

void overview_ask(struct overview *overview, struct overview_links *links,
                  const struct status_settings *settings, const struct overview_options *options,
                  const struct overview *before)
{
    struct error error = {0};
    struct buf name = {0};

    *overview = (struct overview){
        .at_us = clock_wall_us(),
        .asks_gateways = settings->gateways[0] != '\0',
        .asks_workers = settings->workers[0] != '\0',
        .queue_bytes = OVERVIEW_UNKNOWN,
        .queue_max_bytes = OVERVIEW_UNKNOWN,
        .database = SERVERS_UNKNOWN_DATABASE,
        .worker_count = OVERVIEW_UNKNOWN,
        .standby = OVERVIEW_UNKNOWN,
    };
    buf_printf(&name, "sluice %s", options->subcommand);
    ask_replicas(overview, &overview->gateways, settings->gateways);
    ask_replicas(overview, &overview->workers, settings->workers);
    totals_find_causes(&overview->totals, before == NULL ? NULL : &before->totals);
    ask_broker(overview, links, settings, buf_text(&name));
    if (!options->skip_database) {
        ask_database(overview, links, settings, options);
    }
    if (settings->management_url[0] != '\0' &&
        servers_ask_management(overview, settings, &error) != ERROR_NONE) {
        note(overview, &error);
    }
    count_workers(overview);
    buf_free(&name);
}

void overview_free(struct overview *overview)
{
    replicas_free(&overview->gateways);
    replicas_free(&overview->workers);
    cJSON_Delete(overview->queues);
    totals_free(&overview->totals);
}

void overview_leave(struct overview_links *links)
{
    broker_close(links->broker, true);
    PQfinish(links->database);
    *links = (struct overview_links){0};
}
