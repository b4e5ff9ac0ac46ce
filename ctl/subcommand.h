/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SUBCOMMAND_H
#define SLUICE_SUBCOMMAND_H

#include "config.h"
#include "error.h"
#include "options.h"

#include <stdbool.h>

struct subcommand {
    const char *name;      /* one word or two: "dead list" */
    const char *arguments; /* for the usage line */
    const char *summary;   /* one line, for `sluice --help` */
    const char *help;      /* what it does */
    const struct option_rule *options;
    const char *notes; /* printed after the options, such as exit codes; NULL: none */
    const struct config_setting *settings;
    /* settings: the loaded struct of the table. arguments: the last word of the name and all that follows,
     * for options_read. The caller has already handled --help and --print-config. */
    enum exit_code (*run)(const void *settings, int count, char **arguments);
};

/* Registers a subcommand; use it once, at the end of the subcommand's file. The linker collects all
 * registered subcommands in one section. */
#define SUBCOMMAND_REGISTER(it)                                 \
    static const struct subcommand *const registered_subcommand \
        __attribute__((section("subcommands"), used)) = &(it)

/* Iterates over the subcommands in the order of their names. previous NULL: returns the first. Returns NULL
 * after the last. */
const struct subcommand *subcommand_next(const struct subcommand *previous);
/* Returns the subcommand that the first arguments name, or NULL. *words: how many arguments its name has, one
 * or two. */
const struct subcommand *subcommand_find(int count, char **arguments, int *words);
/* Appends one line for each two-word subcommand that starts with this word. Returns false when there is none.
 */
bool subcommand_append_group(struct buf *out, const char *word);

#endif
