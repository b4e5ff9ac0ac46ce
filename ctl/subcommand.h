/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SUBCOMMAND_H
#define SLUICE_SUBCOMMAND_H

#include "config.h"
#include "error.h"
#include "options.h"

#include <stdbool.h>

struct subcommand {
    const char *name;      /* one word, or two: "dead list" */
    const char *arguments; /* for the usage line */
    const char *summary;   /* one line, for `sluice --help` */
    const char *help;      /* what it does */
    const struct option_rule *options;
    const char *notes; /* its exit codes and the like, after the options; NULL: none */
    const struct config_setting *settings;
    /* settings: the table's struct, loaded. arguments: its name (the last word) and those after it, for
     * options_read; --help and --print-config have been seen to. */
    enum exit_code (*run)(const void *settings, int count, char **arguments);
};

/* Makes a subcommand known to the program: once, at the end of its file. The linker gathers what is
 * registered. */
#define SUBCOMMAND_REGISTER(it)                                 \
    static const struct subcommand *const registered_subcommand \
        __attribute__((section("subcommands"), used)) = &(it)

/* The registered subcommand whose name follows that of `previous`, in the order of names; NULL: the first.
 * Returns NULL after the last. */
const struct subcommand *subcommand_next(const struct subcommand *previous);
/* The subcommand that the first arguments name, and in *words how many they are, one or two; NULL. */
const struct subcommand *subcommand_find(int count, char **arguments, int *words);
/* Appends the subcommands whose first of two words this is, a line each. False: there is none. */
bool subcommand_append_group(struct buf *out, const char *word);

#endif
