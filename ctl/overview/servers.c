/* SPDX-License-Identifier: MIT */
#include "servers.h"

#include "clock.h"
#include "ctl/cluster.h"
#include "ctl/database.h"
#include "ctl/look/reader.h"
#include "ctl/management.h"
#include "topology.h"

#include <stdlib.h>
#include <string.h>

/* With more rows than this, the planner's estimate is shown: counting takes seconds. */
#define COUNTED_MAX INT64_C(1000000)

/* --- the database ---------------------------------------------------------- */

/* Catalogs and statistics only. */
static const char limits[] =
    "select (select count(*) from pg_stat_activity where usename = 'sluice_worker'),"
    " coalesce((select rolconnlimit from pg_roles where rolname = 'sluice_worker'), -1),"
    " current_setting('max_connections'),"
    " (select reltuples::bigint from pg_class where oid = to_regclass('webhooks_raw')),"
    " pg_stat_get_live_tuples(to_regclass('webhooks_dead'))";

/* The newest one by the primary key. */
static const char last_dead[] =
    "select (extract(epoch from dead_at) * 1000000)::bigint from webhooks_dead order by dead_id desc limit 1";

static int64_t number(const PGresult *r, int column)
{
    return PQntuples(r) == 0 || PQgetisnull(r, 0, column) ? OVERVIEW_UNKNOWN
                                                          : atoll(PQgetvalue(r, 0, column));
}

static enum error_code connect(PGconn **connection, const struct status_settings *settings,
                               const struct overview_options *options, struct error *error)
{
    enum error_code code = reader_open(connection, &settings->database, options->subcommand, error);

    if (code == ERROR_NONE && options->count_rows) {
        code = database_run(*connection, "set statement_timeout = '10s'", error);
    }
    return code;
}

static enum error_code ask_limits(struct overview_database *numbers, PGconn *connection, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(connection, &r, limits, 0, NULL, error);

    if (code == ERROR_NONE) {
        numbers->held = number(r, 0);
        numbers->budget = number(r, 1);
        numbers->max_connections = number(r, 2);
        numbers->rows = number(r, 3);
        numbers->rows_estimated = true;
        numbers->dead = number(r, 4);
    }
    PQclear(r);
    return code;
}

static enum error_code ask_last_dead(struct overview_database *numbers, PGconn *connection,
                                     struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(connection, &r, last_dead, 0, NULL, error);

    if (code == ERROR_NONE) {
        numbers->last_dead_us = number(r, 0);
    }
    PQclear(r);
    return code;
}

static enum error_code count_rows(struct overview_database *numbers, PGconn *connection, struct error *error)
{
    bool estimated = numbers->rows >= COUNTED_MAX;
    PGresult *r = NULL;
    enum error_code code =
        database_query(connection, &r,
                       estimated ? "select null, count(*) from webhooks_dead"
                                 : "select (select count(*) from webhooks_raw), count(*) from webhooks_dead",
                       0, NULL, error);

    if (code == ERROR_NONE) {
        numbers->rows = estimated ? numbers->rows : number(r, 0);
        numbers->rows_estimated = estimated;
        numbers->dead = number(r, 1);
    }
    PQclear(r);
    return code;
}

enum error_code servers_ask_database(struct overview_database *numbers, PGconn **connection,
                                     const struct status_settings *settings,
                                     const struct overview_options *options, struct error *error)
{
    enum error_code code = *connection == NULL ? connect(connection, settings, options, error) : ERROR_NONE;

    *numbers = SERVERS_UNKNOWN_DATABASE;
    if (code == ERROR_NONE) {
        code = ask_limits(numbers, *connection, error);
    }
    if (code == ERROR_NONE) {
        code = ask_last_dead(numbers, *connection, error);
    }
    if (code == ERROR_NONE && options->count_rows) {
        code = count_rows(numbers, *connection, error);
    }
    if (code != ERROR_NONE) {
        numbers->rows = OVERVIEW_UNKNOWN;
        numbers->dead = OVERVIEW_UNKNOWN;
        PQfinish(*connection);
        *connection = NULL;
    }
    return code;
}

/* --- the management API ---------------------------------------------------- */

/* Counts names, not connections: all connections of a worker have the same name. */
static int64_t count_workers(const cJSON *connections)
{
    const cJSON *connection, *other;
    int64_t workers = 0;

    cJSON_ArrayForEach(connection, connections)
    {
        const char *user = management_text(connection, "user");
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(connection, "user_provided_name");
        bool counted = false;

        if (user == NULL || strcmp(user, topology_worker_user.name) != 0) {
            continue;
        }
        for (other = connections->child; name != NULL && other != connection && !counted;
             other = other->next) {
            counted =
                cJSON_Compare(name, cJSON_GetObjectItemCaseSensitive(other, "user_provided_name"), true);
        }
        workers += !counted;
    }
    return workers;
}

static int64_t member(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(found) && found->valuedouble >= 0 && found->valuedouble < 1e15
               ? (int64_t)found->valuedouble
               : OVERVIEW_UNKNOWN;
}

/* Keeps the entries of Sluice's queues. */
static enum error_code take_queues(struct overview *overview, const cJSON *queues,
                                   const struct status_settings *settings, struct error *error)
{
    struct topology topology;
    const cJSON *entry;
    enum error_code code =
        topology_build(&topology, settings->delays.us, settings->delays.count, settings->shards, 0, error);

    overview->queues = cJSON_CreateArray();
    for (size_t i = 0; code == ERROR_NONE && i < topology.queue_count; i++) {
        entry = management_named(queues, topology.queues[i].name);
        (void)cJSON_AddItemToArray(overview->queues, cJSON_Duplicate(entry, true));
    }
    cJSON_ArrayForEach(entry, queues)
    {
        const char *name = management_text(entry, "name");

        if (name != NULL && topology_is_ingest(name) && management_named(overview->queues, name) == NULL) {
            (void)cJSON_AddItemToArray(overview->queues, cJSON_Duplicate(entry, true));
        }
    }
    return code;
}

static void take_fullest(struct overview *overview)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, overview->queues)
    {
        int64_t bytes = member(entry, "message_bytes");

        if (topology_is_ingest(management_text(entry, "name")) && bytes > overview->queue_bytes) {
            overview->queue_bytes = bytes;
            overview->queue_max_bytes = member(
                cJSON_GetObjectItemCaseSensitive(entry, "effective_policy_definition"), "max-length-bytes");
        }
    }
}

/* A user with the tag `management` alone may not ask for nodes: their number stays unknown. */
static enum error_code ask_nodes(struct overview *overview, struct management *management,
                                 struct error *error)
{
    cJSON *running = NULL;
    enum error_code code = cluster_nodes(management, &running, &overview->nodes, error);

    cJSON_Delete(running);
    return code == ERROR_REFUSED ? ERROR_NONE : code;
}

enum error_code servers_ask_management(struct overview *overview, const struct status_settings *settings,
                                       struct error *error)
{
    struct management *management = NULL;
    struct buf vhost = {0}, name = {0}, path = {0};
    cJSON *connections = NULL, *queues = NULL;
    enum error_code code = management_open(&management, settings->management_url, settings->broker.password,
                                           settings->broker.ca, error);

    if (code == ERROR_NONE) {
        management_vhost(settings->broker.url, &vhost, &name);
        buf_printf(&path, "/api/vhosts/%s/connections", buf_text(&vhost));
        code = management_get(management, buf_text(&path), &connections, error);
    }
    if (code == ERROR_NONE) {
        overview->worker_count = count_workers(connections);
        code = management_list(management, "queues", buf_text(&vhost), &queues, error);
    }
    if (code == ERROR_NONE) {
        code = take_queues(overview, queues, settings, error);
    }
    if (code == ERROR_NONE) {
        take_fullest(overview);
        code = ask_nodes(overview, management, error);
    }
    cJSON_Delete(connections);
    cJSON_Delete(queues);
    management_close(management);
    buf_free(&vhost);
    buf_free(&name);
    buf_free(&path);
    return code;
}
