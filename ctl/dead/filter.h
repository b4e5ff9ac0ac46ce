/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_FILTER_H
#define SLUICE_CTL_DEAD_FILTER_H

/* Selects dead letters: from command-line options, as the first parameters of a statement. */

#include "buf.h"
#include "ctl/options.h"
#include "error.h"
#include "table.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct deadfilter {
    const char *source, *id, *verdict, *sqlstate, *reason, *dead_ids; /* NULL: any */
    int64_t older_us, newer_us;                                       /* bounds of its age; -1: none */
    bool all;                                                         /* --all was given */
    /* Filled by deadfilter_begin. */
    char older[24], newer[24], as_of[48], last[24];
    struct buf array;
    const char *parameters[DEADTABLE_FILTER_PARAMETERS];
};

#define DEADFILTER_ANY                 \
    {                                  \
        .older_us = -1, .newer_us = -1 \
    }

/* Rows of a struct option_rule table that fill the member `filter` of struct `of`. */
#define DEADFILTER_AGE_MAX (INT64_C(100) * 366 * 24 * 3600 * 1000000)
#define DEADFILTER_RULES(of)                                                                                   \
    {"--source", OPTION_TEXT, offsetof(of, filter.source), "NAME", "of this source", 0, 0},                    \
        {"--id", OPTION_TEXT, offsetof(of, filter.id), "ID", "with this event id", 0, 0},                      \
        {"--verdict",                                                                                          \
         OPTION_TEXT,                                                                                          \
         offsetof(of, filter.verdict),                                                                         \
         "VERDICT",                                                                                            \
         "poison, later, malformed or given-up",                                                               \
         0,                                                                                                    \
         0},                                                                                                   \
        {"--sqlstate",                                                                                         \
         OPTION_TEXT,                                                                                          \
         offsetof(of, filter.sqlstate),                                                                        \
         "CODE",                                                                                               \
         "such as 23503, or a prefix: 23 for the whole class",                                                 \
         0,                                                                                                    \
         0},                                                                                                   \
        {"--reason", OPTION_TEXT, offsetof(of, filter.reason), "TEXT", "whose reason begins with this", 0, 0}, \
        {"--dead-id",                                                                                          \
         OPTION_TEXT,                                                                                          \
         offsetof(of, filter.dead_ids),                                                                        \
         "N[,N]...",                                                                                           \
         "with these numbers, as shown by sluice dead list",                                                   \
         0,                                                                                                    \
         0},                                                                                                   \
        {"--older-than",                                                                                       \
         OPTION_DURATION,                                                                                      \
         offsetof(of, filter.older_us),                                                                        \
         "AGE",                                                                                                \
         "that died longer ago than AGE: 90s, 12h, 30d",                                                       \
         0,                                                                                                    \
         DEADFILTER_AGE_MAX},                                                                                  \
        {"--newer-than",    OPTION_DURATION, offsetof(of, filter.newer_us), "AGE", "that died within AGE", 0,  \
         DEADFILTER_AGE_MAX},                                                                                  \
    {                                                                                                          \
        "", OPTION_REMARK, 0, NULL, "With several filters, a dead letter must match all of them.\n\n", 0, 0    \
    }

/* For commands that change dead letters: without a filter they require --all. */
#define DEADFILTER_ALL_RULE(of)                                                                        \
    {                                                                                                  \
        "--all", OPTION_FLAG, offsetof(of, filter.all), NULL, "all of them; instead of a filter", 0, 0 \
    }
#define DEADFILTER_UNCHOSEN(name)                                                                     \
    "a filter or --all is needed, not both: see sluice " name " --help for the filters; sluice " name \
    " --all --dry-run counts all dead letters"

/* True when either --all or a filter was given, but not both. */
bool deadfilter_chosen(const struct deadfilter *filter);
/* Completes the filter: checks dead_ids, and reads the server's time and the last dead_id. Later dead letters
 * do not match, so an event that dies again in the meantime is not processed twice. ERROR_MALFORMED: dead_ids
 * is not a list of numbers. The caller must call deadfilter_end, also after an error. */
MUST_CHECK enum error_code deadfilter_begin(struct deadfilter *filter, PGconn *database, struct error *error);
/* Runs a statement of table.h that takes a filter; `more`: its parameters from $11 on. Result and errors as
 * for database_query. */
MUST_CHECK enum error_code deadfilter_query(const struct deadfilter *filter, PGconn *database,
                                            PGresult **result, const char *sql, int more_count,
                                            const char *const *more, struct error *error);
/* Counts the matching dead letters, and those among them that are not an envelope and can't be replayed. */
MUST_CHECK enum error_code deadfilter_count(const struct deadfilter *filter, PGconn *database, int64_t *all,
                                            int64_t *unreadable, struct error *error);
void deadfilter_end(struct deadfilter *filter);

/* Appends a list of numbers, "1,2,3", as a Postgres array. Returns false when it is not such a list. Pure. */
MUST_CHECK bool deadfilter_append_array(struct buf *out, const char *numbers);

#endif
