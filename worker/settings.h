/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SETTINGS_H
#define SLUICE_WORKER_SETTINGS_H

#include "broker.h"
#include "config.h"
#include "postgres.h"

struct worker_settings {
    struct broker_access broker;
    struct postgres_access database;
    char *log_level;
    char *admin;
    int64_t prefetch; /* 0: see worker_settings_prefetch */
    int64_t memory;
    int64_t connections;
    int64_t batch_events;
    int64_t batch_bytes;
    int64_t hold_us;
    int64_t drain_us;
    struct config_durations delays; /* the retry tiers, ascending */
};

/* All settings of the worker, for lib/config. */
extern const struct config_setting worker_settings_table[];

/* Returns the effective prefetch: WORKER_PREFETCH or, when that is 0, two batches for each connection, so
 * that one batch is ready when the other has been stored. */
uint16_t worker_settings_prefetch(const struct worker_settings *settings);

/* Checks that the settings fit together. Appends one line for each error to complaints. */
MUST_CHECK enum error_code worker_settings_check(const struct worker_settings *settings,
                                                 struct buf *complaints);

#endif
