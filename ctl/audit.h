/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_AUDIT_H
#define SLUICE_AUDIT_H

/* One line for each change that a person makes to stored events: who (role, user of this machine, host),
 * what, by which filter, how many. It goes to standard error in the log's format, and to the log of the
 * database server, where the terminal's end or a lost machine doesn't lose it, and no role of Sluice can
 * delete it. */

#include "error.h"

#include <libpq-fe.h>
#include <stdint.h>

struct audit {
    PGconn *database;
    const char *action;
    int count;
    char **arguments; /* the filter, as it was given */
};

/* Writes `audit-begun` to the server's log, before the first change: a command that is killed leaves this
 * line. action: "dead drop". arguments: as for a subcommand's run. Errors as for database_run: then nothing
 * may be changed. */
MUST_CHECK enum error_code audit_begin(struct audit *audit, PGconn *database, const char *action, int count,
                                       char **arguments, struct error *error);
/* Writes `audit` to standard error and to the server's log; a transaction that is still open is rolled back.
 * events: how many were changed. outcome: how the command ended. */
void audit_end(const struct audit *audit, int64_t events, enum error_code outcome);

#endif
