/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_REPLAYER_H
#define SLUICE_CTL_DEAD_REPLAYER_H

/* Sends the dead letters that a filter selects to the workers again, for `sluice dead replay` and the
 * console. */

#include "broker.h"
#include "config.h"
#include "error.h"
#include "filter.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct replayer_options {
    const struct broker_access *broker; /* a user that may write to the retry tiers */
    const struct config_durations *delays;
    int64_t shards;      /* how many ingest queues there are */
    int64_t rate;        /* at most so many a second; 0: no limit */
    int64_t deadline_us; /* monotonic: no batch begins after it; 0: none */
    const char *action;  /* the filter as it was given, for the audit line (see audit_begin) */
    int argument_count;
    char **arguments;
    void (*complain)(void *context, const char *sentence); /* of what stays */
    void *context;
};

struct replayer_result {
    int64_t all;      /* that the filter selected */
    int64_t replayed; /* that the broker has confirmed; they are no dead letters any more */
    int64_t left;     /* that can't be replayed: their messages were not readable envelopes */
    bool stopped;     /* by the broker, a signal or the deadline: the rest is as before */
};

/* Counts what the filter selects, which deadfilter_begin has completed, without changing anything: all and
 * left. Sets the session's timeouts for replayer_run, too. Errors as for database_query. */
MUST_CHECK enum error_code replayer_count(const struct deadfilter *filter, PGconn *database,
                                          struct replayer_result *result, struct error *error);
/* Replays them. Each batch is one transaction, which commits only after the broker's confirms: whatever
 * happens, none is lost. result: as replayer_count has filled it. database: as a role that may delete dead
 * letters. Ends early when a drain is requested (lib/signals). Errors as for publisher_open and
 * database_query; *result is right even then. */
MUST_CHECK enum error_code replayer_run(const struct deadfilter *filter, PGconn *database,
                                        const struct replayer_options *options,
                                        struct replayer_result *result, struct error *error);

#endif
