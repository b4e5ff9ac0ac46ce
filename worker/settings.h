/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SETTINGS_H
#define SLUICE_WORKER_SETTINGS_H

#include "broker.h"
#include "config.h"
#include "lifetime.h"
#include "postgres.h"

/* X(type, member, name, other members of struct config_setting): the settings, one row each; the struct and
 * the table are made of them. */
#define WORKER_SETTINGS(X)                                                                                  \
    X(CHOICE, log_level, "LOG_LEVEL", .fallback = "info", .choices = "debug,info,warning,error",            \
      .help = "lowest level that is logged; info has a line per stage of an event, as LOG_MESSAGES says")   \
    X(CHOICE, log_format, "LOG_FORMAT", .fallback = "logfmt", .choices = "logfmt,json",                     \
      .help = "json: each line is a JSON object with the same fields")                                      \
    X(CHOICE, log_messages, "LOG_MESSAGES", .fallback = "batches", .choices = "all,sampled,batches,off",    \
      .help = "which events have log lines of their own at info: all; sampled: one in 100, the same at "    \
              "each stage; batches: up to 10 a second, the others are summed up; off: none but trouble")    \
    X(CHOICE, core_dumps, "CORE_DUMPS", .fallback = "off", .choices = "off,on",                             \
      .help = "on: the kernel may write a core after a crash, which then holds all secrets, and processes " \
              "of the same user may trace this one")                                                        \
    X(ADDRESS, admin, "WORKER_ADMIN", .fallback = "0.0.0.0:8082",                                           \
      .help = "address for health checks and metrics")                                                      \
    LIFETIME_SETTING(X)                                                                                     \
    X(INTEGER, prefetch, "WORKER_PREFETCH", .fallback = "0", .min = 0, .max = 65535,                        \
      .help = "highest number of unacked messages (the AMQP prefetch); 0: two batches per connection")      \
    X(BYTES, memory, "WORKER_MEMORY", .fallback = "64MiB", .min = 1 << 20, .max = INT64_C(1) << 40,         \
      .help = "highest total size of prefetched events; above it the worker takes no more until it "        \
              "holds only half")                                                                            \
    X(INTEGER, connections, "WORKER_CONNECTIONS", .fallback = "2", .min = 1, .max = 64,                     \
      .help = "highest number of Postgres connections of this process; all workers share the budget")       \
    X(INTEGER, batch_events, "WORKER_BATCH_EVENTS", .fallback = "500", .min = 1, .max = 10000,              \
      .help = "highest number of events in one transaction")                                                \
    X(BYTES, batch_bytes, "WORKER_BATCH_BYTES", .fallback = "1MiB", .min = 1024, .max = 64 << 20,           \
      .help = "highest total size of the bodies in one transaction; a larger event is stored alone")        \
    X(DURATION, hold_us, "WORKER_HOLD", .fallback = "10min", .min = 1 * CLOCK_US_PER_S,                     \
      .max = 25 * 60 * CLOCK_US_PER_S,                                                                      \
      .help = "how long the worker holds an event that can't be stored before it goes back to the "         \
              "broker; must stay below RabbitMQ's consumer_timeout (30 minutes)")                           \
    X(DURATION, drain_us, "WORKER_DRAIN", .fallback = "20s", .min = 0, .max = 10 * 60 * CLOCK_US_PER_S,     \
      .help = "how long a stop may take to store the events in hand; the rest goes back to the broker")     \
    X(INTEGER, require_sync, "WORKER_REQUIRE_SYNC", .fallback = "0", .min = 0, .max = 1,                    \
      .help =                                                                                               \
          "1: the worker acks nothing, and isn't ready, unless the database's synchronous_standby_names "   \
          "is set, so that each commit waits for a standby")

struct worker_settings {
    struct broker_access broker;
    struct postgres_access database;
    struct config_durations delays; /* the retry tiers, ascending */
    int64_t shards;                 /* how many ingest queues there are */
    WORKER_SETTINGS(CONFIG_MEMBER)
};

/* All settings of the worker, for lib/config. */
extern const struct config_setting worker_settings_table[];

/* Returns the effective prefetch: WORKER_PREFETCH or, when that is 0, two batches for each connection, so
 * that one batch is ready when the other has been stored; but at least one message of each ingest queue. */
uint16_t worker_settings_prefetch(const struct worker_settings *settings);

/* Checks that the settings fit together. Appends one line for each error to complaints. */
MUST_CHECK enum error_code worker_settings_check(const struct worker_settings *settings,
                                                 struct buf *complaints);

#endif
