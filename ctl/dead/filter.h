/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_FILTER_H
#define SLUICE_CTL_DEAD_FILTER_H

/* Which dead letters a command is about: options for people, and for the server the first
 * parameters of a statement. */

#include "buf.h"
#include "ctl/options.h"
#include "error.h"
#include "table.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct deadfilter {
    const char *source, *id, *verdict, *sqlstate, *dead_ids; /* NULL: any */
    int64_t older_us, newer_us;                              /* how long ago it died; -1: any */
    bool all;                                                /* asked for by name, where that is needed */
    /* Filled by deadfilter_begin. */
    char older[24], newer[24], as_of[48], last[24];
    struct buf array;
    const char *parameters[DEADTABLE_FILTER_PARAMETERS];
};

#define DEADFILTER_ANY                 \
    {                                  \
        .older_us = -1, .newer_us = -1 \
    }

/* Rows of a struct option_rule table that fill the member `filter` of the struct `of`. */
#define DEADFILTER_AGE_MAX (INT64_C(100) * 366 * 24 * 3600 * 1000000)
#define DEADFILTER_RULES(of)                                                                                  \
    {"--source", OPTION_TEXT, offsetof(of, filter.source), "NAME", "of this source", 0, 0},                   \
        {"--id", OPTION_TEXT, offsetof(of, filter.id), "ID", "with this event id", 0, 0},                     \
        {"--verdict",                                                                                         \
         OPTION_TEXT,                                                                                         \
         offsetof(of, filter.verdict),                                                                        \
         "VERDICT",                                                                                           \
         "poison, later, malformed or given-up",                                                              \
         0,                                                                                                   \
         0},                                                                                                  \
        {"--sqlstate",                                                                                        \
         OPTION_TEXT,                                                                                         \
         offsetof(of, filter.sqlstate),                                                                       \
         "CODE",                                                                                              \
         "23503; or the start of it: 23 for the whole class",                                                 \
         0,                                                                                                   \
         0},                                                                                                  \
        {"--dead-id",                                                                                         \
         OPTION_TEXT,                                                                                         \
         offsetof(of, filter.dead_ids),                                                                       \
         "N[,N]...",                                                                                          \
         "with these numbers, as `sluice dead list` shows them",                                              \
         0,                                                                                                   \
         0},                                                                                                  \
        {"--older-than",                                                                                      \
         OPTION_DURATION,                                                                                     \
         offsetof(of, filter.older_us),                                                                       \
         "AGE",                                                                                               \
         "that died longer ago: 90s, 12h, 30d",                                                               \
         0,                                                                                                   \
         DEADFILTER_AGE_MAX},                                                                                 \
        {"--newer-than",    OPTION_DURATION, offsetof(of, filter.newer_us), "AGE", "that died since then", 0, \
         DEADFILTER_AGE_MAX},                                                                                 \
    {                                                                                                         \
        "", OPTION_REMARK, 0, NULL, "Several of these: the dead letters that each of them fits.\n\n", 0, 0    \
    }

/* For what changes dead letters: nobody means all of them by saying nothing. */
#define DEADFILTER_ALL_RULE(of)                                                                        \
    {                                                                                                  \
        "--all", OPTION_FLAG, offsetof(of, filter.all), NULL, "all of them; instead of a filter", 0, 0 \
    }
#define DEADFILTER_UNCHOSEN(name)                    \
    "say which: by a filter, or --all; sluice " name \
    " --all --dry-run says how many there are, sluice " name " --help what filters there are"

/* True when --all was given or any filter, and not both. */
bool deadfilter_chosen(const struct deadfilter *filter);
/* Checks what the options can't, and asks the server what time it is and which dead letter is
 * the last: those that come later are no part, so that what dies again meanwhile isn't met twice.
 * ERROR_MALFORMED: dead_ids is no list of numbers. Then for deadfilter_end, in any case. */
MUST_CHECK enum error_code deadfilter_begin(struct deadfilter *filter, PGconn *database, struct error *error);
/* As database_query; sql: a statement of table.h that takes a filter; `more` are its $10 and on. */
MUST_CHECK enum error_code deadfilter_query(const struct deadfilter *filter, PGconn *database,
                                            PGresult **result, const char *sql, int more_count,
                                            const char *const *more, struct error *error);
/* How many there are, and how many of them are no envelope: no program of ours can read them. */
MUST_CHECK enum error_code deadfilter_count(const struct deadfilter *filter, PGconn *database, int64_t *all,
                                            int64_t *unreadable, struct error *error);
void deadfilter_end(struct deadfilter *filter);

/* Appends numbers, "1,2,3", as a Postgres array. False: they aren't such a list. Pure. */
MUST_CHECK bool deadfilter_append_array(struct buf *out, const char *numbers);

#endif
