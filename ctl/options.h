/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

/* A subcommand's options, by a table that both the arguments and --help are read by. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows that a table may have. */
#define OPTIONS_MAX 31

enum option_kind {
    OPTION_FLAG,     /* bool; takes no value */
    OPTION_TEXT,     /* const char *, a view of the argument */
    OPTION_NUMBER,   /* int64_t, min to max */
    OPTION_DURATION, /* int64_t, microseconds, min to max; as in the settings: 90s, 12h, 30d */
    OPTION_OPERAND,  /* const char *, NULL before; what is no option; one at most for each such row */
    OPTION_REMARK,   /* no option: its help stands between those of others, as it is */
};

struct option_rule {
    const char *name; /* "--json"; NULL ends the table; of an operand what people call it */
    enum option_kind kind;
    size_t offset;     /* of the member that is filled */
    const char *value; /* what --help calls the value: "N"; NULL: it takes none */
    const char *help;  /* lines; NULL: --help doesn't tell of it */
    int64_t min, max;
};

#define OPTION_END                   \
    {                                \
        NULL, 0, 0, NULL, NULL, 0, 0 \
    }

/* Reads all arguments but the first, which is the subcommand's name, into the struct that the rules' offsets
 * are of: --name value or --name=value, in any order; the last of two wins; after "--" all are operands.
 * False, and a line on standard error, at the first that fits no rule. What isn't given is left as it was.
 * One thread at a time. */
MUST_CHECK bool options_read(const char *subcommand, const struct option_rule *rules, void *into, int count,
                             char **arguments);
/* Appends a line or more for each option. */
void options_append_help(const struct option_rule *rules, struct buf *out);

#endif
