/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETTINGS_H
#define SLUICE_CTL_SETTINGS_H

/* The settings of each subcommand. send, ready and check have none; they take all they need as arguments. */

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
    int64_t budget;          /* 0: keep the current one, or choose one */
    int64_t queue_max_bytes; /* 0: keep the current one, or the default */
    struct config_durations delays;
    int64_t wait_us;
};

struct status_settings {
    struct broker_access broker;
    char *management_url; /* "": not used */
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

/* For subcommands that only read tables. */
struct reader_settings {
    struct postgres_access database;
};

/* For subcommands that change tables. */
struct owner_settings {
    char *database_url;
    char *database_password;
};

/* For subcommands that move events between tables and queues. */
struct mover_settings {
    struct broker_access broker;
    char *database_url;
    char *database_password;
    struct config_durations delays;
};

/* Holds the settings of any subcommand. */
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

/* Appends the settings of all subcommands as config_table does, each name once, for --print-settings. */
void settings_print_all(struct buf *out);

#endif
