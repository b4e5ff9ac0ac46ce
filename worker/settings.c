/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "clock.h"
#include "lib/postgres/connection_url.h"
#include "topology.h"

#include <inttypes.h>

#define SETTING(setting_name, setting_type, member, ...)                                                \
    {                                                                                                   \
        .name = setting_name, .type = setting_type, .offset = offsetof(struct worker_settings, member), \
        __VA_ARGS__                                                                                     \
    }

const struct config_setting worker_settings_table[] = {
    BROKER_SETTINGS(struct worker_settings, broker, NULL, "",
                    "RabbitMQ: amqp://sluice-worker@host:5672/sluice"),
    POSTGRES_SETTINGS(struct worker_settings, database, NULL, "",
                      "Postgres: postgresql://sluice_worker@host:5432/sluice"),
    SETTING("LOG_LEVEL", CONFIG_CHOICE, log_level, .fallback = "info", .choices = "debug,info,warning,error",
            .help = "least level that is logged; info has one line per stage of an event"),
    SETTING("WORKER_ADMIN", CONFIG_ADDRESS, admin, .fallback = "0.0.0.0:8082",
            .help = "address for health checks and metrics"),
    SETTING("WORKER_PREFETCH", CONFIG_INTEGER, prefetch, .fallback = "0", .min = 0, .max = 65535,
            .help = "highest number of unacked messages (the AMQP prefetch); 0: two batches per connection"),
    SETTING("WORKER_MEMORY", CONFIG_BYTES, memory, .fallback = "64MiB", .min = 1 << 20,
            .max = INT64_C(1) << 40,
            .help = "highest total size of prefetched events; above it the worker takes no more until it "
                    "holds only half"),
    SETTING("WORKER_CONNECTIONS", CONFIG_INTEGER, connections, .fallback = "2", .min = 1, .max = 64,
            .help = "highest number of Postgres connections of this process; all workers share the budget"),
    SETTING("WORKER_BATCH_EVENTS", CONFIG_INTEGER, batch_events, .fallback = "500", .min = 1, .max = 10000,
            .help = "highest number of events in one transaction"),
    SETTING("WORKER_BATCH_BYTES", CONFIG_BYTES, batch_bytes, .fallback = "1MiB", .min = 1024, .max = 64 << 20,
            .help = "highest total size of the bodies in one transaction; a larger event is stored alone"),
    SETTING("WORKER_HOLD", CONFIG_DURATION, hold_us, .fallback = "10min", .min = 1 * CLOCK_US_PER_S,
            .max = 25 * 60 * CLOCK_US_PER_S,
            .help = "how long the worker holds an event that can't be stored before it goes back to the "
                    "broker; must stay below RabbitMQ's consumer_timeout (30 minutes)"),
    SETTING("WORKER_DRAIN", CONFIG_DURATION, drain_us, .fallback = "20s", .min = 0,
            .max = 10 * 60 * CLOCK_US_PER_S,
            .help = "how long a stop may take to store the events in hand; the rest goes back to the broker"),
    TOPOLOGY_DELAYS_SETTING(struct worker_settings, delays),
    {0},
};

uint16_t worker_settings_prefetch(const struct worker_settings *settings)
{
    int64_t prefetch =
        settings->prefetch != 0 ? settings->prefetch : 2 * settings->connections * settings->batch_events;

    return prefetch < UINT16_MAX ? (uint16_t)prefetch : UINT16_MAX;
}

enum error_code worker_settings_check(const struct worker_settings *settings, struct buf *complaints)
{
    enum error_code code = ERROR_NONE;
    struct error error;

    if (broker_check(&settings->broker, &error) != ERROR_NONE) {
        buf_printf(complaints, "%s\n", error.text);
        code = ERROR_SETTING;
    }
    if (connection_url_check(worker_settings_table, settings, complaints) != ERROR_NONE) {
        code = ERROR_SETTING;
    }
    if (topology_check_delays(settings->delays.us, settings->delays.count, &error) != ERROR_NONE) {
        buf_printf(complaints, "%s\n", error.text);
        code = ERROR_SETTING;
    }
    return code;
}
