/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

/* A subcommand's options, by a table. */

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,     /* bool; takes no value */
    OPTION_TEXT,     /* const char *, a view of the argument */
    OPTION_NUMBER,   /* int64_t, min to max */
    OPTION_DURATION, /* int64_t, microseconds, min to max; as in the settings: 90s, 12h, 30d */
    OPTION_OPERAND,  /* const char *; what is no option; one at most for each such row */
};

struct option_rule {
    const char *name; /* "--json"; NULL ends the table; of an operand what people call it */
    enum option_kind kind;
    void *value;
    int64_t min, max;
};

/* Reads all arguments, in any order; the last of two wins. False, and a line on standard error, at
 * the first that fits no rule. What isn't given is left as it was. */
MUST_CHECK bool options_read(const char *subcommand, const struct option_rule *rules, int count,
                             char **arguments);

#endif
