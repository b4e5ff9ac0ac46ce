/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DAEMON_H
#define SLUICE_DAEMON_H

/* What both daemons do around their work: the command line, the settings with all their
 * complaints, the log, the drain's signals, the admin listener, and the way out. */

#include "admin.h"
#include "config.h"
#include "error.h"

struct daemon {
    const char *program; /* "sluice-worker" */
    const char *summary; /* what it does, for --help; lines end in '\n' */
    const struct config_setting *table;
    void *settings; /* zeroed, of the struct that the table is of */
    /* Of its members, those that every daemon has. */
    char *const *log_level;
    char *const *admin;
    /* What no single range can tell: a line per error, appended. */
    enum error_code (*check)(const void *settings, struct buf *complaints);
    /* What must be done before any thread starts; NULL: nothing. */
    enum error_code (*prepare)(struct error *error);
    /* The work, until a drain is asked for and done. name is the process's own, for people: "sluice-worker
     * host/pid", at most 63 bytes (what Postgres keeps of an application_name). */
    enum exit_code (*run)(const void *settings, struct admin *admin, const char *name);
};

/* main(): without arguments it runs; --help, --version, --print-config and --print-settings print.
 * Returns the exit code: EXIT_USAGE, EXIT_SETTINGS, EXIT_BUG when it can't even log, else what run returned.
 */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

#endif
