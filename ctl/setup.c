/* SPDX-License-Identifier: MIT */
#include "access.h"
#include "backoff.h"
#include "broker.h"
#include "budget.h"
#include "clock.h"
#include "database.h"
#include "migrate.h"
#include "report.h"
#include "script.h"
#include "settings.h"
#include "subcommand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME "setup"
/* Any number, as long as every release takes the same: "sluice" in ASCII. */
#define ADVISORY_LOCK "126943972253541"
/* Compression by lz4 and client_connection_check_interval came with 14. */
#define LEAST_SERVER_VERSION 140000

struct setup {
    const struct setup_settings *settings;
    struct topology topology;
    struct management *management;
    struct broker *broker;
    PGconn *database;
    int64_t budget;
};

typedef enum error_code (*reach)(struct setup *, struct error *);

/* Tries until it works, or fails for good, or SETUP_WAIT has passed: setup is
 * started together with the servers and runs once. */
static enum error_code keep_trying(struct setup *s, reach attempt, struct error *error)
{
    struct backoff backoff = {.base_us = CLOCK_US_PER_S / 5, .cap_us = 2 * CLOCK_US_PER_S};
    int64_t deadline = clock_monotonic_us() + s->settings->wait_us;
    enum error_code code;

    while ((code = attempt(s, error)) != ERROR_NONE && error_class(code) == ERROR_CLASS_RETRYABLE) {
        int64_t wait_us = backoff_next(&backoff, backoff_random());
        struct timespec wait = {wait_us / CLOCK_US_PER_S, wait_us % CLOCK_US_PER_S * 1000};

        if (clock_monotonic_us() + wait_us >= deadline) {
            break;
        }
        if (backoff.attempt == 1) {
            report_problem(NAME, "waiting: %s", error->text);
        }
        (void)nanosleep(&wait, NULL);
    }
    return code;
}

/* --- broker ------------------------------------------------------------- */

static enum error_code reach_management(struct setup *s, struct error *error)
{
    cJSON *me = NULL;
    enum error_code code = management_get(s->management, "/api/whoami", &me, error);

    cJSON_Delete(me);
    return code;
}

static enum error_code setup_access(struct setup *s, struct error *error)
{
    enum error_code code = management_open(&s->management, s->settings->management_url,
                                           s->settings->broker.password, s->settings->broker.ca, error);

    if (code == ERROR_NONE) {
        code = keep_trying(s, reach_management, error);
    }
    if (code == ERROR_NONE) {
        code = access_setup(s->management, &s->topology, s->settings->gateway_broker_password,
                            s->settings->worker_broker_password, error);
    }
    return code;
}

static struct broker_options broker_options(const struct setup_settings *settings)
{
    return (struct broker_options){
        .access = &settings->broker,
        .connection_name = "sluice setup",
        .heartbeat_s = 20,
    };
}

static enum error_code reach_broker(struct setup *s, struct error *error)
{
    const struct broker_options options = broker_options(s->settings);

    return broker_open(&s->broker, &options, error);
}

static enum error_code setup_topology(struct setup *s, struct error *error)
{
    const struct topology *t = &s->topology;
    enum error_code code = keep_trying(s, reach_broker, error);

    for (size_t i = 0; code == ERROR_NONE && i < t->exchange_count; i++) {
        code = broker_declare_exchange(s->broker, t->exchanges[i].name, t->exchanges[i].type, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < t->queue_count; i++) {
        code = broker_declare_queue(s->broker, t->queues[i].name, t->queues[i].arguments, error);
        if (code == ERROR_NONE) {
            report_line("there  queue %s", t->queues[i].name);
        }
    }
    for (size_t i = 0; code == ERROR_NONE && i < t->binding_count; i++) {
        code =
            broker_bind(s->broker, t->bindings[i].queue, t->bindings[i].exchange, t->bindings[i].key, error);
    }
    if (code == ERROR_NONE) {
        report_line("there  %zu exchanges and %zu bindings", t->exchange_count, t->binding_count);
    }
    broker_close(s->broker, code == ERROR_NONE);
    s->broker = NULL;
    return code;
}

/* --- database ----------------------------------------------------------- */

static enum error_code reach_database(struct setup *s, struct error *error)
{
    return database_open(&s->database, s->settings->database_url, s->settings->database_password, NAME,
                         error);
}

static enum error_code choose_budget(struct setup *s, struct error *error)
{
    struct budget_limits limits;
    PGresult *r = NULL;
    enum error_code code = database_query(
        s->database, &r,
        "select current_setting('server_version_num'), current_setting('max_connections'),"
        " current_setting('superuser_reserved_connections'),"
        " coalesce(current_setting('reserved_connections', true), '0'), current_setting('server_version')",
        0, NULL, error);

    if (code != ERROR_NONE) {
        return code;
    }
    limits = (struct budget_limits){.max_connections = atoll(PQgetvalue(r, 0, 1)),
                                    .superuser_reserved_connections = atoll(PQgetvalue(r, 0, 2)),
                                    .reserved_connections = atoll(PQgetvalue(r, 0, 3))};
    if (atoll(PQgetvalue(r, 0, 0)) < LEAST_SERVER_VERSION) {
        code =
            error_set(error, ERROR_SETTING, "database: the server is Postgres %s; sluice needs 14 or newer",
                      PQgetvalue(r, 0, 4));
    } else {
        code = budget_choose(&limits, s->settings->budget, &s->budget, error);
    }
    PQclear(r);
    return code;
}

/* Appends `alter role ... password` with the password as a verifier made here,
 * so that neither the server nor its log ever sees the clear one. */
static enum error_code append_password(PGconn *database, struct buf *sql, const char *role,
                                       const char *password, struct error *error)
{
    char *verifier = PQencryptPasswordConn(database, password, role, "scram-sha-256");
    char *quoted = verifier == NULL ? NULL : PQescapeLiteral(database, verifier, strlen(verifier));
    enum error_code code = ERROR_NONE;

    if (quoted == NULL) {
        code = error_set(error, ERROR_SYSTEM, "database: no verifier for the password of %s: %s", role,
                         PQerrorMessage(database));
    } else {
        buf_printf(sql, "alter role %s login password %s;\n", role, quoted);
    }
    PQfreemem(quoted);
    PQfreemem(verifier);
    return code;
}

static enum error_code setup_roles(struct setup *s, struct error *error)
{
    struct buf sql = {0};
    enum error_code code;

    buf_append_text(&sql, "begin;\n");
    buf_append(&sql, migrate_roles.sql, migrate_roles.len);
    code = append_password(s->database, &sql, "sluice_worker", s->settings->worker_database_password, error);
    if (code == ERROR_NONE) {
        code =
            append_password(s->database, &sql, "sluice_reader", s->settings->reader_database_password, error);
    }
    buf_printf(&sql, "alter role sluice_worker connection limit %" PRId64 ";\ncommit", s->budget);
    if (code == ERROR_NONE && sql.failed) {
        code = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (code == ERROR_NONE) {
        code = database_run(s->database, buf_text(&sql), error);
    }
    if (code == ERROR_NONE) {
        report_line("there  role sluice_worker, connection limit %" PRId64 " (the budget)", s->budget);
        report_line("there  role sluice_reader");
    }
    buf_free(&sql);
    return code;
}

static enum error_code setup_database(struct setup *s, struct error *error)
{
    enum error_code code = keep_trying(s, reach_database, error);

    if (code == ERROR_NONE) {
        code = choose_budget(s, error);
    }
    if (code == ERROR_NONE) {
        code = database_run(s->database,
                            "set search_path = public; set client_min_messages = warning;"
                            " set lock_timeout = '30s'",
                            error);
    }
    if (code == ERROR_NONE) {
        code = database_run(s->database, "select pg_advisory_lock(" ADVISORY_LOCK ")", error);
        if (code == ERROR_TIMEOUT) {
            error_set(error, code, "database: another setup has held the lock for 30 s");
        }
    }
    if (code == ERROR_NONE) {
        code = migrate_apply(s->database, error);
    }
    if (code == ERROR_NONE) {
        code = setup_roles(s, error);
    }
    PQfinish(s->database);
    s->database = NULL;
    return code;
}

/* --- command ------------------------------------------------------------ */

/* What the table can't say: needed or not depends on the options. */
static bool passwords_given(const struct setup_settings *settings, bool broker_users)
{
    const struct {
        const char *name, *value;
        bool needed;
    } passwords[] = {
        {"SETUP_WORKER_DATABASE_PASSWORD", settings->worker_database_password, true},
        {"SETUP_READER_DATABASE_PASSWORD", settings->reader_database_password, true},
        {"SETUP_GATEWAY_BROKER_PASSWORD", settings->gateway_broker_password, broker_users},
        {"SETUP_WORKER_BROKER_PASSWORD", settings->worker_broker_password, broker_users},
    };
    bool given = true;

    for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
        if (passwords[i].needed && passwords[i].value[0] == '\0') {
            report_problem(NAME, "%s isn't set, nor %s_FILE: setup needs it to give it to that user",
                           passwords[i].name, passwords[i].name);
            given = false;
        }
    }
    return given;
}

static enum error_code setup_all(struct setup *s, bool broker_users, struct error *error)
{
    /* The database first: it is the one that may say no, to the budget. */
    enum error_code code = setup_database(s, error);

    if (code == ERROR_NONE && broker_users) {
        code = setup_access(s, error);
    }
    if (code == ERROR_NONE) {
        code = setup_topology(s, error);
    }
    if (code == ERROR_NONE && !broker_users) {
        access_print_hint(&s->topology);
    }
    management_close(s->management);
    return code;
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct setup s = {.settings = settings};
    bool print_sql = false, broker_users = true;
    struct error error = {0};
    enum error_code code;

    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--print-sql") == 0) {
            print_sql = true;
        } else if (strcmp(arguments[i], "--skip-broker-users") == 0) {
            broker_users = false;
        } else {
            report_problem(NAME, "no such option: %s; see sluice setup --help", arguments[i]);
            return EXIT_USAGE;
        }
    }
    if (print_sql) {
        struct buf script = {0};

        script_append(&script, s.settings->budget);
        (void)fwrite(script.data, 1, script.len, stdout);
        buf_free(&script);
        return EXIT_DONE;
    }
    code = topology_build(&s.topology, s.settings->delays.us, s.settings->delays.count,
                          s.settings->queue_max_bytes, &error);
    if (code == ERROR_NONE) {
        code = broker_check(&s.settings->broker, &error);
    }
    if (code == ERROR_NONE && !passwords_given(s.settings, broker_users)) {
        return EXIT_SETTINGS;
    }
    if (code == ERROR_NONE) {
        code = setup_all(&s, broker_users, &error);
    }
    return code == ERROR_NONE ? EXIT_DONE : report_error(NAME, &error);
}

const struct subcommand setup_command = {
    .name = NAME,
    .arguments = "[--print-sql] [--skip-broker-users]",
    .summary = "prepare database and broker; the same when run twice",
    .help = "Migrates the database, sets its roles and the connection budget, then the broker's\n"
            "vhost, users, permissions, policies, exchanges and queues. Waits SETUP_WAIT for either\n"
            "server to come up. Prints a line for each thing: `done` when this run changed it, `there` when\n"
            "it is as it should be (roles, queues, exchanges: by now; the servers don't tell whether it was\n"
            "so before). Refuses a budget that the database's max_connections doesn't bear.\n"
            "\n"
            "  --print-sql          print the database's part as a psql script instead, and connect to\n"
            "                       nothing; it reads the passwords from psql's variables\n"
            "  --skip-broker-users  leave vhost, users, permissions and policies of the broker alone, and\n"
            "                       print what they need to be; for managed brokers\n",
    .settings = settings_setup,
    .run = run,
};
