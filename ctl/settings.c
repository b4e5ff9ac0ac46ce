/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "clock.h"
#include "topology.h"

#include <stdbool.h>
#include <string.h>

#define TIB (INT64_C(1) << 40)

#define HTTP_SCHEMES "http,https"
#define PASSWORD_MAX POSTGRES_PASSWORD_MAX

#define AT(member) offsetof(struct SETTINGS, member)

/* clang-format off */
#define OWNER_ROWS \
    {"SETUP_DATABASE_URL", CONFIG_URL, AT(database_url), "postgresql://sluice@127.0.0.1:5432/sluice", 0, 0, POSTGRES_SCHEMES, false, \
     "the database, as the role that owns it and may create roles"}, \
    {"SETUP_DATABASE_PASSWORD", CONFIG_TEXT, AT(database_password), "", 0, PASSWORD_MAX, NULL, true, \
     "that role's password; none: libpq's own methods, such as PGPASSFILE or a certificate in the URL"}

const struct config_setting settings_none[] = {{0}};

#define SETTINGS setup_settings
const struct config_setting settings_setup[] = {
    BROKER_SETTINGS(struct SETTINGS, broker, "amqp://sluice-setup@127.0.0.1:5672/sluice", "", "the broker, as a user that may configure the vhost; its password and CA also apply to BROKER_MANAGEMENT_URL"),
    {"BROKER_MANAGEMENT_URL", CONFIG_URL, AT(management_url), "http://sluice-setup@127.0.0.1:15672", 0, 0, HTTP_SCHEMES, false,
     "the broker's management API; not used with --skip-broker-users"},
    {"SETUP_GATEWAY_BROKER_PASSWORD", CONFIG_TEXT, AT(gateway_broker_password), "", 0, PASSWORD_MAX, NULL, true,
     "password to set for the broker user sluice-gateway; none: unchanged; required only to create the user"},
    {"SETUP_WORKER_BROKER_PASSWORD", CONFIG_TEXT, AT(worker_broker_password), "", 0, PASSWORD_MAX, NULL, true,
     "password to set for the broker user sluice-worker; none: unchanged; required only to create the user"},
    OWNER_ROWS,
    {"SETUP_WORKER_DATABASE_PASSWORD", CONFIG_TEXT, AT(worker_database_password), "", 0, PASSWORD_MAX, NULL, true,
     "password to set for the role sluice_worker; none: unchanged; required only to create the role"},
    {"SETUP_READER_DATABASE_PASSWORD", CONFIG_TEXT, AT(reader_database_password), "", 0, PASSWORD_MAX, NULL, true,
     "password to set for the role sluice_reader; none: unchanged; required only to create the role"},
    {"DATABASE_BUDGET", CONFIG_INTEGER, AT(budget), "0", 0, 10000, NULL, false,
     "connections that all workers together may hold; 0: unchanged, or at the first setup half of the available connections, at most 20"},
    {"QUEUE_MAX_BYTES", CONFIG_BYTES, AT(queue_max_bytes), "0", 0, TIB, NULL, false,
     "limit on the total size of the bodies in each queue, at least 1MiB; above it the gateway answers 503; 0: unchanged, or 1GiB at the first setup"},
    TOPOLOGY_DELAYS_SETTING(struct SETTINGS, delays),
    {"SETUP_WAIT", CONFIG_DURATION, AT(wait_us), "60s", 0, 3600 * CLOCK_US_PER_S, NULL, false,
     "how long to wait for the broker and for the database to start"},
    {0},
};
#undef SETTINGS

#define SETTINGS status_settings
const struct config_setting settings_status[] = {
    BROKER_SETTINGS(struct SETTINGS, broker, "amqp://sluice-worker@127.0.0.1:5672/sluice", "", "the broker, as any user of the vhost"),
    {"BROKER_MANAGEMENT_URL", CONFIG_URL, AT(management_url), "", 0, 0, HTTP_SCHEMES, false,
     "the broker's management API, to count workers; empty: don't count them"},
    POSTGRES_SETTINGS(struct SETTINGS, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "", "the database, as a role that may read"),
    TOPOLOGY_DELAYS_SETTING(struct SETTINGS, delays),
    {0},
};
#undef SETTINGS

#define SETTINGS verify_settings
const struct config_setting settings_verify[] = {
    BROKER_SETTINGS(struct SETTINGS, broker, "amqp://sluice-worker@127.0.0.1:5672/sluice", "", "the broker, as any user of the vhost"),
    POSTGRES_SETTINGS(struct SETTINGS, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "", "the database, as a role that may read"),
    TOPOLOGY_DELAYS_SETTING(struct SETTINGS, delays),
    {0},
};
#undef SETTINGS

#define SETTINGS route_settings
const struct config_setting settings_route[] = {
    {"GATEWAY_ROUTES", CONFIG_TEXT, AT(routes), "", 0, 4096, NULL, false,
     "the gateway's routes file, unless --routes names one"},
    {0},
};
#undef SETTINGS

#define SETTINGS reader_settings
const struct config_setting settings_reader[] = {
    POSTGRES_SETTINGS(struct SETTINGS, database, "postgresql://sluice_reader@127.0.0.1:5432/sluice", "", "the database, as a role that may read"),
    {0},
};
#undef SETTINGS

#define SETTINGS owner_settings
const struct config_setting settings_owner[] = {
    OWNER_ROWS,
    {0},
};
#undef SETTINGS

#define SETTINGS mover_settings
const struct config_setting settings_mover[] = {
    BROKER_SETTINGS(struct SETTINGS, broker, "amqp://sluice-setup@127.0.0.1:5672/sluice", "", "the broker, as a user with write and read permission on the whole vhost"),
    OWNER_ROWS,
    TOPOLOGY_DELAYS_SETTING(struct SETTINGS, delays),
    {0},
};
#undef SETTINGS
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
    const struct config_setting *const tables[] = {settings_setup, settings_status, settings_verify,
                                                   settings_route};

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
