/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SUBCOMMAND_H
#define SLUICE_SUBCOMMAND_H

#include "config.h"
#include "error.h"

struct subcommand {
    const char *name;      /* one word, or two: "dead list" */
    const char *arguments; /* for the usage line */
    const char *summary;   /* one line, for `sluice --help` */
    const char *help;      /* what it does, its options, its exit codes */
    const struct config_setting *settings;
    /* settings: the table's struct, loaded. arguments: those after the name;
     * --help and --print-config have been seen to. */
    enum exit_code (*run)(const void *settings, int count, char **arguments);
};

/* One per file of that name; of two words: joined. */
extern const struct subcommand setup_command;
extern const struct subcommand send_command;
extern const struct subcommand status_command;
extern const struct subcommand ready_command;
extern const struct subcommand verify_command;
extern const struct subcommand check_command;
extern const struct subcommand route_command;
extern const struct subcommand dead_list_command;
extern const struct subcommand dead_show_command;
extern const struct subcommand dead_replay_command;
extern const struct subcommand dead_drop_command;
extern const struct subcommand dead_collect_command;
extern const struct subcommand prune_command;

#endif
