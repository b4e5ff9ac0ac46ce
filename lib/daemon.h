/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DAEMON_H
#define SLUICE_DAEMON_H

/* What the two daemons share: the command line, reading and checking the settings, the log, the signals for
 * a drain, the admin listener and the shutdown. */

#include "admin.h"
#include "config.h"
#include "error.h"

struct daemon {
    const char *program; /* "sluice-worker" */
    const char *summary; /* what it does, for --help; each line ends in '\n' */
    const struct config_setting *table;
    void *settings; /* the struct that the table's offsets refer to, zeroed */
    /* Those members of settings that every daemon has. */
    char *const *log_level, *const *log_format, *const *log_messages;
    char *const *admin;
    char *const *core_dumps; /* "on" or "off" */
    /* Checks what no single range can express. Appends one line per error. */
    enum error_code (*check)(const void *settings, struct buf *complaints);
    /* Registers the program's own metrics. Runs before any thread starts. */
    void (*register_metrics)(void);
    /* Runs before any thread starts; may be NULL. */
    enum error_code (*prepare)(struct error *error);
    /* Does the work; returns after a requested drain is complete. name identifies the process to people:
     * "sluice-worker host/pid", at most 63 bytes (Postgres cuts an application_name there). */
    enum exit_code (*run)(const void *settings, struct admin *admin, const char *name);
};

/* The daemon's main(). Runs the daemon when there are no arguments; --help, --version, --print-config and
 * --print-settings and --print-metrics print and return. Returns the exit code: EXIT_USAGE, EXIT_SETTINGS,
 * EXIT_BUG when even logging can't start, else what run returned. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

#endif
