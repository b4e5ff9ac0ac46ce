/* SPDX-License-Identifier: MIT */
#include "ctl/database.h"
#include "ctl/management.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "queues.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME "status"
#define UNKNOWN INT64_C(-1)
/* With more rows than this, status shows the planner's estimate: counting takes seconds. */
#define COUNTED_MAX "1000000"

struct status {
    struct queue_depths depths;
    int64_t rows;
    bool rows_estimated;
    int64_t dead, held, budget, max_connections, workers;
    bool json;
};

static const struct option_rule rules[] = {
    {"--json", OPTION_FLAG, offsetof(struct status, json), NULL,
     "as one JSON object; unknown values are null", 0, 0},
    OPTION_END,
};

/* Keeps the worst exit code so far: status shows what it can, even when a server is unreachable. */
static void note(enum exit_code *worst, enum exit_code code)
{
    if (code > *worst) {
        *worst = code;
    }
}

/* --- asking --------------------------------------------------------------- */

static enum error_code ask_database(struct status *status, const struct status_settings *settings,
                                    struct error *error)
{
    PGconn *connection = NULL;
    PGresult *r = NULL;
    enum error_code code =
        database_open(&connection, settings->database.url, settings->database.password, NAME, error);

    if (code == ERROR_NONE) {
        code = database_run(connection, "set statement_timeout = '10s'", error);
    }
    if (code == ERROR_NONE) {
        code = database_query(
            connection, &r,
            "select (select count(*) from pg_stat_activity where usename = 'sluice_worker'),"
            " coalesce((select rolconnlimit from pg_roles where rolname = 'sluice_worker'), -1),"
            " current_setting('max_connections'),"
            " (select reltuples::bigint from pg_class where oid = to_regclass('webhooks_raw'))",
            0, NULL, error);
    }
    if (code == ERROR_NONE) {
        status->held = atoll(PQgetvalue(r, 0, 0));
        status->budget = atoll(PQgetvalue(r, 0, 1));
        status->max_connections = atoll(PQgetvalue(r, 0, 2));
        status->rows = atoll(PQgetvalue(r, 0, 3));
        status->rows_estimated = status->rows >= atoll(COUNTED_MAX);
        PQclear(r);
        code = database_query(connection, &r,
                              status->rows_estimated ? "select null, count(*) from webhooks_dead"
                                                     : "select (select count(*) from webhooks_raw), count(*)"
                                                       " from webhooks_dead",
                              0, NULL, error);
    }
    if (code == ERROR_NONE) {
        status->rows = status->rows_estimated ? status->rows : atoll(PQgetvalue(r, 0, 0));
        status->dead = atoll(PQgetvalue(r, 0, 1));
    } else {
        status->rows = UNKNOWN;
    }
    PQclear(r);
    PQfinish(connection);
    return code;
}

/* Counts names, not connections: all connections of a worker have the same name. */
static int64_t count_workers(const cJSON *connections)
{
    const cJSON *connection, *other;
    int64_t workers = 0;

    cJSON_ArrayForEach(connection, connections)
    {
        const char *user = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(connection, "user"));
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

static enum error_code ask_management(struct status *status, const struct status_settings *settings,
                                      struct error *error)
{
    struct management *management = NULL;
    struct buf vhost = {0}, name = {0}, path = {0};
    cJSON *connections = NULL;
    enum error_code code = management_open(&management, settings->management_url, settings->broker.password,
                                           settings->broker.ca, error);

    if (code == ERROR_NONE) {
        management_vhost(settings->broker.url, &vhost, &name);
        buf_printf(&path, "/api/vhosts/%s/connections", buf_text(&vhost));
        code = management_get(management, buf_text(&path), &connections, error);
    }
    if (code == ERROR_NONE) {
        status->workers = count_workers(connections);
    }
    cJSON_Delete(connections);
    management_close(management);
    buf_free(&vhost);
    buf_free(&name);
    buf_free(&path);
    return code;
}

static int64_t count_consumers(const struct status *status)
{
    for (size_t i = 0; i < status->depths.count; i++) {
        if (strcmp(status->depths.queues[i].name, TOPOLOGY_INGEST) == 0) {
            return status->depths.queues[i].consumers;
        }
    }
    return UNKNOWN;
}

/* The management API lists a connection some seconds late, but each consumer is certainly a worker. */
static void count_new_workers(struct status *status)
{
    int64_t consumers = count_consumers(status);

    if (status->workers != UNKNOWN && status->workers < consumers) {
        status->workers = consumers;
    }
}

static enum exit_code ask_all(struct status *status, const struct status_settings *settings)
{
    const struct queues_options options = {
        .access = &settings->broker, .connection_name = "sluice status", .delays = &settings->delays};
    enum exit_code worst = EXIT_DONE;
    struct error error = {0};

    if (queues_inspect(&status->depths, &options, &error) != ERROR_NONE) {
        note(&worst, report_error(NAME, &error));
        status->depths.count = 0;
    }
    for (size_t i = 0; i < status->depths.count; i++) {
        if (!status->depths.queues[i].there) {
            report_problem(NAME,
                           "broker: there is no queue %s; has `sluice setup` been run with these DELAYS?",
                           status->depths.queues[i].name);
            note(&worst, EXIT_NO);
        }
    }
    if (ask_database(status, settings, &error) != ERROR_NONE) {
        note(&worst, report_error(NAME, &error));
    }
    if (settings->management_url[0] != '\0' && ask_management(status, settings, &error) != ERROR_NONE) {
        note(&worst, report_error(NAME, &error));
    }
    count_new_workers(status);
    return worst;
}

/* Number of workers without a consumer: they wait for a place in the budget. */
static int64_t standby(const struct status *status)
{
    int64_t consumers = count_consumers(status);

    if (status->workers == UNKNOWN || consumers == UNKNOWN) {
        return UNKNOWN;
    }
    return status->workers - consumers;
}

/* --- printing ------------------------------------------------------------- */

static const char *number(struct buf *b, int64_t value)
{
    buf_clear(b);
    if (value == UNKNOWN) {
        return "unknown";
    }
    buf_printf(b, "%" PRId64, value);
    return buf_text(b);
}

static void print_table(const struct status *status)
{
    struct buf a = {0}, b = {0}, c = {0};

    report_line("%-22s %10s %10s", "queue", "ready", "consumers");
    for (size_t i = 0; i < status->depths.count; i++) {
        const struct queue_depth *q = &status->depths.queues[i];

        if (q->there) {
            report_line("%-22s %10" PRIu32 " %10" PRIu32, q->name, q->ready, q->consumers);
        } else {
            report_line("%-22s %10s %10s", q->name, "missing", "-");
        }
    }
    report_line("%-22s %10s%s", "rows", number(&a, status->rows), status->rows_estimated ? " (about)" : "");
    report_line("%-22s %10s", "dead letters", number(&a, status->dead));
    report_line("%-22s %10s of a budget of %s; max_connections %s", "worker connections",
                number(&a, status->held), number(&b, status->budget), number(&c, status->max_connections));
    report_line("%-22s %10s, on standby %s", "workers", number(&a, status->workers),
                number(&b, standby(status)));
    buf_free(&a);
    buf_free(&b);
    buf_free(&c);
}

static void add_number(cJSON *object, const char *name, int64_t value)
{
    if (value == UNKNOWN) {
        (void)cJSON_AddNullToObject(object, name);
    } else {
        (void)cJSON_AddNumberToObject(object, name, (double)value);
    }
}

static void print_json(const struct status *status)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *queues = cJSON_AddArrayToObject(root, "queues");
    char *text;

    for (size_t i = 0; i < status->depths.count; i++) {
        const struct queue_depth *q = &status->depths.queues[i];
        cJSON *queue = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(queue, "name", q->name);
        add_number(queue, "ready", q->there ? (int64_t)q->ready : UNKNOWN);
        add_number(queue, "consumers", q->there ? (int64_t)q->consumers : UNKNOWN);
        (void)cJSON_AddItemToArray(queues, queue);
    }
    add_number(root, "rows", status->rows);
    (void)cJSON_AddBoolToObject(root, "rows_estimated", status->rows_estimated);
    add_number(root, "dead", status->dead);
    add_number(root, "connections", status->held);
    add_number(root, "budget", status->budget);
    add_number(root, "max_connections", status->max_connections);
    add_number(root, "workers", status->workers);
    add_number(root, "standby", standby(status));
    text = cJSON_PrintUnformatted(root);
    if (text != NULL) {
        report_line("%s", text);
    }
    cJSON_free(text);
    cJSON_Delete(root);
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct status status = {.rows = UNKNOWN,
                            .dead = UNKNOWN,
                            .held = UNKNOWN,
                            .budget = UNKNOWN,
                            .max_connections = UNKNOWN,
                            .workers = UNKNOWN};
    enum exit_code code;

    if (!options_read(NAME, rules, &status, count, arguments)) {
        return EXIT_USAGE;
    }
    code = ask_all(&status, settings);
    if (status.json) {
        print_json(&status);
    } else {
        print_table(&status);
    }
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[--json]",
    .summary = "show queue depths, rows, dead letters, connections, workers",
    .help = "Shows each queue's ready messages (without unacked ones, which a worker holds) and consumers;\n"
            "rows (from a million on, the planner's estimate) and dead letters; the workers' database\n"
            "connections, their budget and max_connections; the number of connected workers, and how many\n"
            "of them are on standby for a place in the budget (unknown without BROKER_MANAGEMENT_URL; up to\n"
            "5 s old).\n",
    .options = rules,
    .notes =
        "Exit code 69 when a server is unreachable, 1 when sluice setup has not been run. In both cases\n"
        "everything else is shown.\n",
    .settings = settings_status,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
