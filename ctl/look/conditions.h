/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_CONDITIONS_H
#define SLUICE_CTL_LOOK_CONDITIONS_H

/* The options that say which stored events are meant, for the commands that search them. */

#include "ctl/options.h"
#include "search.h"

#include <stdbool.h>

struct conditions {
    struct search search;
    const char *since, *until; /* as they were given; NULL: not */
    struct option_texts paths;
};

/* Rows of a struct option_rule table that fill the member `conditions` of struct `of`. */
#define CONDITIONS_RULES(of)                                                                           \
    {"--source", OPTION_TEXT, offsetof(of, conditions.search.source), "NAME", "of this source", 0, 0}, \
        {"--id-prefix",                                                                                \
         OPTION_TEXT,                                                                                  \
         offsetof(of, conditions.search.id_prefix),                                                    \
         "TEXT",                                                                                       \
         "whose id begins so",                                                                         \
         0,                                                                                            \
         0},                                                                                           \
        {"--path-prefix",                                                                              \
         OPTION_TEXT,                                                                                  \
         offsetof(of, conditions.search.path_prefix),                                                  \
         "TEXT",                                                                                       \
         "whose path begins so",                                                                       \
         0,                                                                                            \
         0},                                                                                           \
        {"--since",                                                                                    \
         OPTION_TEXT,                                                                                  \
         offsetof(of, conditions.since),                                                               \
         "TIME",                                                                                       \
         "received then or later: 2026-11-23T22:43:01Z, or an age: 90s, 2h, 30d",                      \
         0,                                                                                            \
         0},                                                                                           \
        {"--until", OPTION_TEXT, offsetof(of, conditions.until), "TIME", "received before", 0, 0},     \
    {                                                                                                  \
        "--json-path", OPTION_TEXTS, offsetof(of, conditions.paths), "CONDITION",                      \
            "on the payload, up to 8 times:\n"                                                         \
            "/repository/name=sluice   the value at this JSON pointer is this\n"                       \
            "/labels@>[\"bug\"]          the value there contains this JSON\n"                         \
            "@>{\"action\":\"opened\"}     the whole payload does",                                    \
            0, 0                                                                                       \
    }

/* Completes the search from what options_read has filled. Returns false, with a line on standard error, when
 * a time or a condition can't be read. The caller must call conditions_free, also then. */
MUST_CHECK bool conditions_read(const char *subcommand, struct conditions *conditions);
void conditions_free(struct conditions *conditions);

#endif
