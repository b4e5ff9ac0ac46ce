/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETTINGS_H
#define SLUICE_CTL_SETTINGS_H

/* The settings of each subcommand. send, ready and check have none: what they need is
 * an argument. */

#include "broker.h"
#include "config.h"
#include "postgres.h"

struct setup_settings {
    struct broker_access broker;
    char *management_url;
    char *gateway_broker_password;
    char *worker_broker_password;
    char *database_url;
    char *database_password;
    char *worker_database_password;
    char *reader_database_password;
    int64_t budget;          /* 0: as it is, or choose */
    int64_t queue_max_bytes; /* 0: as it is */
    struct config_durations delays;
    int64_t wait_us;
};

struct status_settings {
    struct broker_access broker;
    char *management_url; /* "": not asked */
    struct postgres_access database;
    struct config_durations delays;
};

struct verify_settings {
    struct broker_access broker;
    struct postgres_access database;
    struct config_durations delays;
};

struct route_settings {
    char *routes; /* "": none */
};

/* Of whoever only reads tables. */
struct reader_settings {
    struct postgres_access database;
};

/* Of whoever changes them. */
struct owner_settings {
    char *database_url;
    char *database_password;
};

/* Of whoever moves events between the tables and the queues. */
struct mover_settings {
    struct broker_access broker;
    char *database_url;
    char *database_password;
    struct config_durations delays;
};

/* Room for whichever subcommand's settings. */
union any_settings {
    struct setup_settings setup;
    struct status_settings status;
    struct verify_settings verify;
    struct route_settings route;
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
extern const struct config_setting settings_verify[];
extern const struct config_setting settings_route[];

/* Appends all subcommands' settings as config_table does, each name once; for --print-settings. */
void settings_print_all(struct buf *out);

#endif
