/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "clock.h"

#include <stdbool.h>
#include <string.h>

#define HTTP_SCHEMES "http,https"

/* Each row is followed by a comma. */
#define SETUP_ROW(...) CONFIG_ROW(struct setup_settings, __VA_ARGS__)
#define STATUS_ROW(...) CONFIG_ROW(struct status_settings, __VA_ARGS__)
#define TRACE_ROW(...) CONFIG_ROW(struct trace_settings, __VA_ARGS__)
#define ROUTE_ROW(...) CONFIG_ROW(struct route_settings, __VA_ARGS__)
#define GITHUB_ROW(...) CONFIG_ROW(struct github_settings, __VA_ARGS__)
#define CONSOLE_STATUS_ROW(type, member, ...) \
    CONFIG_ROW(struct console_settings, type, status.member, __VA_ARGS__)
#define CONSOLE_ROW(...) CONFIG_ROW(struct console_settings, __VA_ARGS__)
#define OWNER_ROW(...) CONFIG_ROW(struct owner_settings, __VA_ARGS__)
#define MOVER_ROW(...) CONFIG_ROW(struct mover_settings, __VA_ARGS__)

const struct config_setting settings_none[] = {{0}};

/* clang-format off */
const struct config_setting settings_setup[] = {
    BROKER_SETTINGS(struct setup_settings, broker, "amqp://sluice-setup@127.0.0.1:5672/sluice", "",
                    "the broker, as a user that may configure the vhost; its password and CA also apply to BROKER_MANAGEMENT_URL"),
    SETUP_SETTINGS(SETUP_ROW)
    TOPOLOGY_DELAYS_SETTING(struct setup_settings, delays),
    {0},
};

const struct config_setting settings_status[] = {
    BROKER_SETTINGS(struct status_settings, broker, "amqp://sluice-worker@127.0.0.1:5672/sluice", "",
                    "the broker, as any user of the vhost"),
    STATUS_SETTINGS(STATUS_ROW)
    ADMINS_SETTINGS(STATUS_ROW)
    POSTGRES_SETTINGS(struct status_settings, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "",
                      "the database, as a role that may read"),
    TOPOLOGY_DELAYS_SETTING(struct status_settings, delays),
    TOPOLOGY_SHARDS_SETTING(struct status_settings, shards),
    {0},
};

const struct config_setting settings_trace[] = {
    BROKER_SETTINGS(struct trace_settings, broker, "amqp://sluice-worker@127.0.0.1:5672/sluice", "",
                    "the broker, as any user of the vhost"),
    STATUS_SETTINGS(TRACE_ROW)
    POSTGRES_SETTINGS(struct trace_settings, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "",
                      "the database, as a role that may read"),
    TOPOLOGY_DELAYS_SETTING(struct trace_settings, delays),
    TOPOLOGY_SHARDS_SETTING(struct trace_settings, shards),
    {0},
};

const struct config_setting settings_verify[] = {
    BROKER_SETTINGS(struct verify_settings, broker, "amqp://sluice-worker@127.0.0.1:5672/sluice", "",
                    "the broker, as any user of the vhost"),
    POSTGRES_SETTINGS(struct verify_settings, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "",
                      "the database, as a role that may read"),
    TOPOLOGY_DELAYS_SETTING(struct verify_settings, delays),
    TOPOLOGY_SHARDS_SETTING(struct verify_settings, shards),
    {0},
};

const struct config_setting settings_listen[] = {
    BROKER_SETTINGS(struct listen_settings, broker, "amqp://sluice-listen@127.0.0.1:5672/sluice", "",
                    "the broker, as a user that may listen"),
    {0},
};

const struct config_setting settings_github[] = {
    GITHUB_SETTINGS(GITHUB_ROW)
    POSTGRES_SETTINGS(struct github_settings, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "",
                      "the database, as a role that may read"),
    {0},
};

const struct config_setting settings_route[] = {
    ROUTE_SETTINGS(ROUTE_ROW)
    {0},
};

const struct config_setting settings_console[] = {
    CONSOLE_SETTINGS(CONSOLE_ROW)
    BROKER_SETTINGS(struct console_settings, status.broker, "amqp://sluice-worker@127.0.0.1:5672/sluice", "",
                    "the broker, as any user of the vhost"),
    STATUS_SETTINGS(CONSOLE_STATUS_ROW)
    ADMINS_SETTINGS(CONSOLE_STATUS_ROW)
    POSTGRES_SETTINGS(struct console_settings, status.database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "",
                      "the database, as a role that may read"),
    ROUTE_SETTINGS(CONSOLE_ROW)
    OWNER_SETTINGS(CONSOLE_ROW)
    TOPOLOGY_DELAYS_SETTING(struct console_settings, status.delays),
    TOPOLOGY_SHARDS_SETTING(struct console_settings, status.shards),
    {0},
};

const struct config_setting settings_reader[] = {
    POSTGRES_SETTINGS(struct reader_settings, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "",
                      "the database, as a role that may read"),
    {0},
};

const struct config_setting settings_owner[] = {
    OWNER_SETTINGS(OWNER_ROW)
    {0},
};

const struct config_setting settings_mover[] = {
    BROKER_SETTINGS(struct mover_settings, broker, "amqp://sluice-setup@127.0.0.1:5672/sluice", "",
                    "the broker, as a user with write and read permission on the whole vhost"),
    OWNER_SETTINGS(MOVER_ROW)
    TOPOLOGY_DELAYS_SETTING(struct mover_settings, delays),
    TOPOLOGY_SHARDS_SETTING(struct mover_settings, shards),
    {0},
};
/* clang-format on */

static bool is_in(const struct config_setting *table, const char *name)
{
    while (table->name != NULL && strcmp(table->name, name) != 0) {
        table++;
    }
    return table->name != NULL;
}

void settings_print_all(struct buf *out)
{
    const struct config_setting *const tables[] = {settings_setup, settings_status,  settings_verify,
                                                   settings_route, settings_console, settings_github};

    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct config_setting *s = tables[t]; s->name != NULL; s++) {
            const struct config_setting alone[] = {*s, {0}};
            bool seen = false;

            for (size_t before = 0; before < t && !seen; before++) {
                seen = is_in(tables[before], s->name);
            }
            if (!seen) {
                config_table(alone, out);
            }
        }
    }
}
