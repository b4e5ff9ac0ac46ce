/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

/* A subcommand's options: one table drives both parsing and --help. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maximum number of rows in a table. */
#define OPTIONS_MAX 31

enum option_kind {
    OPTION_FLAG,     /* bool; takes no value */
    OPTION_TEXT,     /* const char *, pointing into the argument */
    OPTION_TEXTS,    /* struct option_texts: may be given more than once, and all are kept */
    OPTION_NUMBER,   /* int64_t, min to max */
    OPTION_DURATION, /* int64_t in microseconds, min to max; written as in the settings: 90s, 12h, 30d */
    OPTION_OPERAND,  /* const char *, initially NULL: one argument that is not an option */
    OPTION_REMARK,   /* not an option: help text that is printed verbatim between the options */
};

/* The values of an option that may be given more than once. */
#define OPTION_TEXTS_MAX 64

struct option_texts {
    const char *values[OPTION_TEXTS_MAX]; /* point into the arguments */
    size_t count;
};

struct option_rule {
    const char *name; /* "--json", or the name of an operand; NULL ends the table */
    enum option_kind kind;
    size_t offset;     /* of the struct member to fill */
    const char *value; /* name of the value in --help, such as "N"; NULL: no value */
    const char *help;  /* one line or more; NULL: not shown in --help */
    int64_t min, max;
};

#define OPTION_END                   \
    {                                \
        NULL, 0, 0, NULL, NULL, 0, 0 \
    }

/* Parses the arguments after the first, which is the subcommand's name, into the struct at `into`. Accepts
 * --name value and --name=value in any order; the last of several wins, except for OPTION_TEXTS; after "--"
 * all are operands. Returns false, with a line on standard error, at the first argument that matches no rule.
 * Members without an argument keep their values. Only one thread may call it at a time. */
MUST_CHECK bool options_read(const char *subcommand, const struct option_rule *rules, void *into, int count,
                             char **arguments);
/* Appends the help text of all options. */
void options_append_help(const struct option_rule *rules, struct buf *out);

#endif
