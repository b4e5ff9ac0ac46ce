/* SPDX-License-Identifier: MIT */
#include "access.h"
#include "backoff.h"
#include "broker.h"
#include "clock.h"
#include "ctl/database.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "declaration.h"
#include "in_force.h"
#include "inventory.h"
#include "keys.h"
#include "migrate.h"
#include "nodes.h"
#include "outcome.h"
#include "roles.h"
#include "script.h"
#include "shards.h"

#include <stddef.h>
#include <time.h>

#define NAME "setup"
/* "sluice" in ASCII. Any number will do, but every release must use the same one. */
#define ADVISORY_LOCK "126943972253541"

struct setup {
    const struct setup_settings *settings;
    struct topology topology;
    struct outcome outcome;
    struct buf vhost, segment; /* see management_vhost */
    struct management *management;
    struct broker *broker;
    PGconn *database;
    struct roles_wanted roles;
    size_t lacking; /* queues with too few members */
    bool print_sql, skip_broker_users, grow;
};

typedef enum error_code (*reach)(struct setup *, struct error *);

/* Repeats an attempt until it succeeds, fails permanently, or SETUP_WAIT has passed: setup is often started
 * together with the servers. A check makes a single attempt. */
static enum error_code keep_trying(struct setup *s, reach attempt, struct error *error)
{
    struct backoff backoff = {.base_us = CLOCK_US_PER_S / 5, .cap_us = 2 * CLOCK_US_PER_S};
    int64_t deadline = clock_monotonic_us() + s->settings->wait_us;
    enum error_code code;

    while ((code = attempt(s, error)) != ERROR_NONE && error_class(code) == ERROR_CLASS_RETRYABLE) {
        int64_t wait_us = backoff_next(&backoff, backoff_random());
        struct timespec wait = {wait_us / CLOCK_US_PER_S, wait_us % CLOCK_US_PER_S * 1000};

        if (s->outcome.checking || clock_monotonic_us() + wait_us >= deadline) {
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

static struct nodes nodes_of(struct setup *s)
{
    return (struct nodes){.management = s->management,
                          .vhost = buf_text(&s->vhost),
                          .segment = buf_text(&s->segment),
                          .topology = &s->topology,
                          .wanted = (size_t)s->settings->broker_nodes,
                          .outcome = &s->outcome,
                          .grow = s->grow};
}

static enum error_code reach_nodes(struct setup *s, struct error *error)
{
    const struct nodes nodes = nodes_of(s);

    return nodes_reach(&nodes, error);
}

static enum error_code setup_access(struct setup *s, struct error *error)
{
    enum error_code code = management_open(&s->management, s->settings->management_url,
                                           s->settings->broker.password, s->settings->broker.ca, error);

    if (code == ERROR_NONE) {
        code = keep_trying(s, reach_management, error);
    }
    if (code == ERROR_NONE) {
        code = keep_trying(s, reach_nodes, error);
    }
    if (code == ERROR_NONE) {
        const struct access access = {
            .management = s->management,
            .vhost = buf_text(&s->vhost),
            .segment = buf_text(&s->segment),
            .topology = &s->topology,
            .gateway_password = s->settings->gateway_broker_password,
            .worker_password = s->settings->worker_broker_password,
            .listen_password = s->settings->listen_broker_password,
            .monitor_password = s->settings->monitor_broker_password,
            .outcome = &s->outcome,
        };

        code = access_setup(&access, error);
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

/* A node that has just joined a cluster counts as running before it can hold members: RabbitMQ then answers
 * 541 to the declaration of a queue, and takes it some seconds later. What is declared already stays as it
 * is.
 */
static enum error_code declare_once(struct setup *s, struct error *error)
{
    enum error_code code = reach_broker(s, error);

    if (code == ERROR_NONE) {
        code = declaration_make(s->broker, &s->topology, error);
    }
    broker_close(s->broker, code == ERROR_NONE);
    s->broker = NULL;
    return code;
}

static enum error_code build(struct setup *s, int64_t shards, struct error *error)
{
    return topology_build(&s->topology, s->settings->delays.us, s->settings->delays.count, shards,
                          s->settings->queue_max_bytes, error);
}

/* Without QUEUE_SHARDS, there are as many queues as there were. */
static enum error_code keep_shards(struct setup *s, const struct shards *shards, struct error *error)
{
    int64_t count = s->settings->shards;
    enum error_code code = count == 0 ? shards_count(shards, &count, error) : ERROR_NONE;

    return code == ERROR_NONE ? build(s, count, error) : code;
}

/* Decides what the topology is, and reads the inventory before anything is declared. */
static enum error_code take_inventory(struct setup *s, const struct shards *shards,
                                      struct inventory *inventory, struct error *error)
{
    enum error_code code = ERROR_NONE;

    if (s->management == NULL) {
        code = keep_trying(s, reach_broker, error);
        broker_close(s->broker, code == ERROR_NONE);
        s->broker = NULL;
    }
    if (code == ERROR_NONE) {
        code = keep_shards(s, shards, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    return s->management != NULL
               ? inventory_ask(inventory, s->management, shards->segment, &s->topology, &s->outcome, error)
               : inventory_look(inventory, shards->options, &s->topology, error);
}

static enum error_code setup_topology(struct setup *s, struct error *error)
{
    const struct broker_options options = broker_options(s->settings);
    const struct shards shards = {s->management, &options, buf_text(&s->vhost), buf_text(&s->segment)};
    struct inventory inventory;
    enum error_code code = take_inventory(s, &shards, &inventory, error);

    if (code == ERROR_NONE) {
        code = shards_check_plugin(&shards, &s->topology, &s->outcome, error);
    }
    if (code == ERROR_NONE && !s->outcome.checking) {
        code = keep_trying(s, declare_once, error);
    }
    if (code == ERROR_NONE) {
        inventory_tell(&inventory, &s->topology, &s->outcome);
    }
    if (code == ERROR_NONE && s->management != NULL) {
        code = in_force_compare(s->management, shards.segment, &s->topology, &s->outcome, error);
    }
    if (code == ERROR_NONE && s->management != NULL) {
        const struct nodes nodes = nodes_of(s);

        code = nodes_compare(&nodes, &s->lacking, error);
    }
    return code == ERROR_NONE ? shards_tell_left(&shards, &s->topology, &s->outcome, error) : code;
}

/* --- database ----------------------------------------------------------- */

static enum error_code reach_database(struct setup *s, struct error *error)
{
    return database_open(&s->database, DATABASE_WRITES, s->settings->database_url,
                         s->settings->database_password, NAME, error);
}

static enum error_code lock(struct setup *s, struct error *error)
{
    enum error_code code =
        database_run(s->database, "set client_min_messages = warning; set lock_timeout = '30s'", error);

    if (code == ERROR_NONE) {
        code = database_run(s->database, "select pg_advisory_lock(" ADVISORY_LOCK ")", error);
        if (code == ERROR_TIMEOUT) {
            error_set(error, code, "database: another setup has held the lock for 30 s");
        }
    }
    return code;
}

static enum error_code migrate_and_grant(struct setup *s, struct error *error)
{
    size_t missing = 0;
    enum error_code code = migrate_apply(s->database, &s->outcome, &missing, error);

    if (s->outcome.checking && missing > 0) {
        outcome_tell(&s->outcome, "unknown",
                     "roles and rights: they can be compared once the migrations are applied");
        return code;
    }
    if (code == ERROR_NONE) {
        code = roles_apply(s->database, &s->roles, &s->outcome, error);
    }
    if (code == ERROR_NONE && missing > 0) {
        roles_renew_sessions(s->database, NAME);
    }
    if (code == ERROR_NONE && s->outcome.checking) {
        code = keys_check(s->database, &s->outcome, error);
    }
    return code;
}

static enum error_code setup_database(struct setup *s, struct error *error)
{
    enum error_code code = keep_trying(s, reach_database, error);

    s->roles.worker_password = s->settings->worker_database_password;
    s->roles.reader_password = s->settings->reader_database_password;
    if (code == ERROR_NONE) {
        code = roles_budget(s->database, s->settings->budget, &s->roles.budget, error);
    }
    if (code == ERROR_NONE) {
        code = lock(s, error);
    }
    if (code == ERROR_NONE && !s->outcome.checking) {
        code = roles_check_passwords(s->database, &s->roles, error);
    }
    if (code == ERROR_NONE) {
        code = migrate_and_grant(s, error);
    }
    PQfinish(s->database);
    s->database = NULL;
    return code;
}

/* --- command ------------------------------------------------------------ */

static enum error_code setup_all(struct setup *s, struct error *error)
{
    /* The database first: its limits may rule out the budget. */
    enum error_code code = setup_database(s, error);

    if (code == ERROR_NONE && !s->skip_broker_users) {
        code = setup_access(s, error);
    }
    if (code == ERROR_NONE) {
        code = setup_topology(s, error);
    }
    if (code == ERROR_NONE && s->skip_broker_users) {
        access_print_hint(&s->outcome, &s->topology, buf_text(&s->vhost));
    }
    management_close(s->management);
    return code;
}

/* Who has asked for several nodes is told by the exit code; others may want it so. */
static enum exit_code conclude(const struct setup *s)
{
    if (s->lacking > 0) {
        report_problem(
            NAME,
            "queues with too few members: %zu; with a node that is lost, their events are, too: run "
            "the rabbitmq-queues commands above",
            s->lacking);
    }
    if (!s->outcome.checking) {
        return s->lacking > 0 && (s->grow || s->settings->broker_nodes > 1) ? EXIT_NO : EXIT_DONE;
    }
    if (s->outcome.differences > 0) {
        report_problem(NAME, "differences: %zu; sluice setup without --check repairs what setup manages",
                       s->outcome.differences);
        return EXIT_NO;
    }
    if (!s->outcome.json) {
        report_line("everything is as it should be");
    }
    return EXIT_DONE;
}

static const struct option_rule rules[] = {
    {"--check", OPTION_FLAG, offsetof(struct setup, outcome.checking), NULL,
     "change nothing: compare everything, print what differs and the members\n"
     "of each queue; exit code 1 when anything differs",
     0, 0},
    {"--print-sql", OPTION_FLAG, offsetof(struct setup, print_sql), NULL,
     "print the database part as a psql script instead, without connecting;\n"
     "the script reads the passwords from psql variables",
     0, 0},
    {"--skip-broker-users", OPTION_FLAG, offsetof(struct setup, skip_broker_users), NULL,
     "don't touch vhost, users, permissions and policies of the broker; print\n"
     "what they must be. For managed brokers",
     0, 0},
    {"--grow", OPTION_FLAG, offsetof(struct setup, grow), NULL,
     "also add the members that queues lack, where the broker's management API can", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct setup, outcome.json), NULL, "each line as a JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct setup s = {.settings = settings};
    struct error error = {0};
    enum error_code code;

    if (!options_read(NAME, rules, &s, count, arguments)) {
        return EXIT_USAGE;
    }
    if (s.grow && (s.outcome.checking || s.skip_broker_users)) {
        report_problem(
            NAME, "--grow changes the broker: it goes neither with --check nor with --skip-broker-users");
        return EXIT_USAGE;
    }
    if (s.print_sql) {
        script_print(s.settings->budget);
        return EXIT_DONE;
    }
    code = build(&s, 1, &error); /* checks the settings; setup_topology builds it again, for all shards */
    if (code == ERROR_NONE) {
        code = broker_check(&s.settings->broker, &error);
    }
    if (code == ERROR_NONE) {
        management_vhost(s.settings->broker.url, &s.segment, &s.vhost);
        code = setup_all(&s, &error);
    }
    buf_free(&s.segment);
    buf_free(&s.vhost);
    return code == ERROR_NONE ? conclude(&s) : report_error(NAME, &error);
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[--check] [--print-sql] [--skip-broker-users] [--grow] [--json]",
    .summary = "prepare database and broker; may be run again at any time",
    .help =
        "Migrates the database and sets up its roles and the connection budget, then the broker's\n"
        "vhost, users, permissions, policies, exchanges and queues. Waits up to SETUP_WAIT for each\n"
        "server to start. Prints one line for each object: `done` when this run created or changed it\n"
        "(with the old and the new value), `there` when it was right before. Without a new value,\n"
        "budget, queue limits, QUEUE_SHARDS and passwords stay unchanged. Nothing is ever removed but the\n"
        "bindings and exchanges of another QUEUE_SHARDS. Refuses a budget that is too high for the\n"
        "database's max_connections, and a foreign policy that is in force on Sluice's queues. With "
        "SETUP_BROKER_NODES it also waits for the broker's nodes, and ends with exit\n"
        "code 1 and the commands to run when a queue has too few members on them.\n",
    .options = rules,
    .settings = settings_setup,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
