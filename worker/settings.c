/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "clock.h"
#include "lib/postgres/connection_url.h"
#include "topology.h"

#include <inttypes.h>

#define ROW(...) CONFIG_ROW(struct worker_settings, __VA_ARGS__)

const struct config_setting worker_settings_table[] = {
    BROKER_SETTINGS(
        struct worker_settings, broker, NULL, "",
        "RabbitMQ: amqp://sluice-worker@host:5672/sluice; several nodes: @h1:5672,h2:5672/sluice"),
    POSTGRES_SETTINGS(struct worker_settings, database, NULL, "",
                      "Postgres: postgresql://sluice_worker@host:5432/sluice"),
    WORKER_SETTINGS(ROW) /* with a comma after each */
    TOPOLOGY_DELAYS_SETTING(struct worker_settings, delays),
    TOPOLOGY_SHARDS_SETTING(struct worker_settings, shards),
    {0},
};

uint16_t worker_settings_prefetch(const struct worker_settings *settings)
{
    int64_t prefetch =
        settings->prefetch != 0 ? settings->prefetch : 2 * settings->connections * settings->batch_events;

    if (prefetch < settings->shards) {
        prefetch = settings->shards;
    }
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
