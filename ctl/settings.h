/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETTINGS_H
#define SLUICE_CTL_SETTINGS_H

/* The settings of each subcommand. ready and check have none; they take all they need as arguments. */

#include "broker.h"
#include "config.h"
#include "postgres.h"
#include "topology.h"

#define OWNER_PASSWORD "SETUP_DATABASE_PASSWORD" /* the setting, for secret_file_read */

/* Lists of settings, each X(type, member, name, other members of struct config_setting), of which a struct
 * and a table are made. */
#define OWNER_SETTINGS(X)                                                                                    \
    X(URL, database_url, "SETUP_DATABASE_URL", .fallback = "postgresql://sluice@127.0.0.1:5432/sluice",      \
      .choices = POSTGRES_SCHEMES, .help = "the database, as the role that owns it and may create roles")    \
    X(TEXT, database_password, OWNER_PASSWORD, .fallback = "", .max = POSTGRES_PASSWORD_MAX, .secret = true, \
      .help =                                                                                                \
          "that role's password; none: libpq's own methods, such as PGPASSFILE or a certificate in the URL")

#define SETUP_SETTINGS(X)                                                                                    \
    X(URL, management_url, "BROKER_MANAGEMENT_URL", .fallback = "http://sluice-setup@127.0.0.1:15672",       \
      .choices = HTTP_SCHEMES, .help = "the broker's management API; not used with --skip-broker-users")     \
    X(TEXT, gateway_broker_password, "SETUP_GATEWAY_BROKER_PASSWORD", .fallback = "",                        \
      .max = POSTGRES_PASSWORD_MAX, .secret = true,                                                          \
      .help = "password to set for the broker user sluice-gateway; none: unchanged; required only to "       \
              "create the user")                                                                             \
    X(TEXT, worker_broker_password, "SETUP_WORKER_BROKER_PASSWORD", .fallback = "",                          \
      .max = POSTGRES_PASSWORD_MAX, .secret = true,                                                          \
      .help = "password to set for the broker user sluice-worker; none: unchanged; required only to create " \
              "the user")                                                                                    \
    X(TEXT, listen_broker_password, "SETUP_LISTEN_BROKER_PASSWORD", .fallback = "",                          \
      .max = POSTGRES_PASSWORD_MAX, .secret = true,                                                          \
      .help = "password to set for the broker user sluice-listen; none: unchanged, and no such user is "     \
              "created")                                                                                     \
    X(TEXT, monitor_broker_password, "SETUP_MONITOR_BROKER_PASSWORD", .fallback = "",                        \
      .max = POSTGRES_PASSWORD_MAX, .secret = true,                                                          \
      .help = "password to set for the broker user sluice-monitor; none: unchanged, and no such user is "    \
              "created")                                                                                     \
    OWNER_SETTINGS(X)                                                                                        \
    X(TEXT, worker_database_password, "SETUP_WORKER_DATABASE_PASSWORD", .fallback = "",                      \
      .max = POSTGRES_PASSWORD_MAX, .secret = true,                                                          \
      .help =                                                                                                \
          "password to set for the role sluice_worker; none: unchanged; required only to create the role")   \
    X(TEXT, reader_database_password, "SETUP_READER_DATABASE_PASSWORD", .fallback = "",                      \
      .max = POSTGRES_PASSWORD_MAX, .secret = true,                                                          \
      .help =                                                                                                \
          "password to set for the role sluice_reader; none: unchanged; required only to create the role")   \
    X(INTEGER, budget, "DATABASE_BUDGET", .fallback = "0", .min = 0, .max = 10000,                           \
      .help = "connections that all workers together may hold; 0: unchanged, or at the first setup "         \
              "half of the available connections, at most 20")                                               \
    X(BYTES, queue_max_bytes, "QUEUE_MAX_BYTES", .fallback = "0", .min = 0, .max = INT64_C(1) << 40,         \
      .help = "limit on the total size of the bodies in each queue, at least 1MiB; above it the "            \
              "gateway answers 503; 0: unchanged, or 1GiB at the first setup")                               \
    X(INTEGER, shards, "QUEUE_SHARDS", .fallback = "0", .min = 0, .max = TOPOLOGY_SHARDS_MAX,                \
      .help = "queues that the events are spread over; 0: unchanged, or 1 at the first setup; above 1 the "  \
              "broker needs its plugin " TOPOLOGY_SHARDS_PLUGIN)                                             \
    X(INTEGER, broker_nodes, "SETUP_BROKER_NODES", .fallback = "1", .min = 1, .max = 99,                     \
      .help = "nodes of the broker that must run before anything is declared; setup fails if a queue then "  \
              "has fewer members than nodes, or than 3")                                                     \
    X(DURATION, wait_us, "SETUP_WAIT", .fallback = "60s", .min = 0, .max = 3600 * CLOCK_US_PER_S,            \
      .help = "how long to wait for the broker, for its nodes and for the database to start")

#define STATUS_SETTINGS(X)                                                                   \
    X(URL, management_url, "BROKER_MANAGEMENT_URL", .fallback = "", .choices = HTTP_SCHEMES, \
      .help = "the broker's management API, to count workers; empty: don't count them")

/* Where `sluice status` finds the programs. */
#define ADMINS_SETTINGS(X)                                                                  \
    X(TEXT, gateways, "GATEWAY_ADMINS", .fallback = "", .max = 4096,                        \
      .help = "the gateways' admin ports, to ask them: host:port, comma-separated; a name " \
              "stands for all its addresses; empty: don't ask")                             \
    X(TEXT, workers, "WORKER_ADMINS", .fallback = "", .max = 4096,                          \
      .help = "the workers' admin ports, as GATEWAY_ADMINS")

#define ROUTE_SETTINGS(X)                                          \
    X(TEXT, routes, "GATEWAY_ROUTES", .fallback = "", .max = 4096, \
      .help = "the gateway's routes file, unless --routes names one")

#define CONSOLE_TOKEN_MIN 16 /* bytes */

#define CONSOLE_SETTINGS(X)                                                                                \
    X(ADDRESS, listen, "CONSOLE_LISTEN", .fallback = "127.0.0.1:8083",                                     \
      .help = "address of the console's pages; whoever reaches it reads all events")                       \
    X(TEXT, prefix, "CONSOLE_PREFIX", .fallback = "", .max = 256,                                          \
      .help = "path at which a proxy serves the console, such as /sluice; empty: at the top")              \
    X(TEXT, host, "CONSOLE_HOST", .fallback = "", .max = 253,                                              \
      .help =                                                                                              \
          "name by which browsers reach the console, without port, beside localhost and IP addresses; no " \
          "other is answered")                                                                             \
    X(TEXT, token, "CONSOLE_TOKEN", .fallback = "", .max = 1024, .secret = true,                           \
      .help =                                                                                              \
          "what one must type to replay or drop on the pages, 16 bytes or more; empty: the console only "  \
          "reads")

struct setup_settings {
    struct broker_access broker;
    SETUP_SETTINGS(
        CONFIG_MEMBER) /* budget, queue_max_bytes and shards: 0 keeps the current one, or chooses one */
    struct config_durations delays;
};

struct status_settings {
    struct broker_access broker;
    STATUS_SETTINGS(CONFIG_MEMBER)
    ADMINS_SETTINGS(CONFIG_MEMBER)
    struct postgres_access database;
    struct config_durations delays;
    int64_t shards; /* how many ingest queues there are */
};

struct trace_settings {
    struct broker_access broker;
    STATUS_SETTINGS(CONFIG_MEMBER)
    struct postgres_access database;
    struct config_durations delays;
    int64_t shards; /* how many ingest queues there are */
};

struct verify_settings {
    struct broker_access broker;
    struct postgres_access database;
    struct config_durations delays;
    int64_t shards; /* how many ingest queues there are */
};

struct listen_settings {
    struct broker_access broker;
};

/* For subcommands that ask GitHub. */
#define GITHUB_SETTINGS(X)                                                      \
    X(TEXT, token, "GITHUB_TOKEN", .fallback = "", .max = 1024, .secret = true, \
      .help = "token that may read and write the webhook, for `sluice recover github`")

struct github_settings {
    GITHUB_SETTINGS(CONFIG_MEMBER)
    struct postgres_access database;
};

struct route_settings {
    ROUTE_SETTINGS(CONFIG_MEMBER)
};

struct console_settings {
    struct status_settings status;
    ROUTE_SETTINGS(CONFIG_MEMBER)
    CONSOLE_SETTINGS(CONFIG_MEMBER)
    OWNER_SETTINGS(CONFIG_MEMBER) /* for replay and drop, with the token */
};

/* For subcommands that only read tables. */
struct reader_settings {
    struct postgres_access database;
};

/* For subcommands that change tables. */
struct owner_settings {
    OWNER_SETTINGS(CONFIG_MEMBER)
};

/* For subcommands that move events between tables and queues. */
struct mover_settings {
    struct broker_access broker;
    OWNER_SETTINGS(CONFIG_MEMBER)
    struct config_durations delays;
    int64_t shards; /* how many ingest queues there are */
};

/* Holds the settings of any subcommand. */
union any_settings {
    struct setup_settings setup;
    struct status_settings status;
    struct trace_settings trace;
    struct verify_settings verify;
    struct listen_settings listen;
    struct github_settings github;
    struct route_settings route;
    struct console_settings console;
    struct reader_settings reader;
    struct owner_settings owner;
    struct mover_settings mover;
};

extern const struct config_setting settings_none[];
extern const struct config_setting settings_reader[];
extern const struct config_setting settings_owner[];
extern const struct config_setting settings_mover[];
extern const struct config_setting settings_setup[];
extern const struct config_setting settings_status[];
extern const struct config_setting settings_trace[];
extern const struct config_setting settings_verify[];
extern const struct config_setting settings_listen[];
extern const struct config_setting settings_github[];
extern const struct config_setting settings_route[];
extern const struct config_setting settings_console[];

/* Appends the settings of all subcommands as config_table does, each name once, for --print-settings. */
void settings_print_all(struct buf *out);

#endif
