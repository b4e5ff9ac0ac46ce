/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DATABASE_H
#define SLUICE_DATABASE_H

/* One blocking Postgres connection, for commands. Daemons must not block: see worker/session. */

#include "error.h"

#include <libpq-fe.h>

/* Which of the URL's servers will do: the first one that fits is taken, in the URL's order. */
enum database_use {
    DATABASE_READS,  /* any, a standby too: it may lag */
    DATABASE_NEWEST, /* a primary: what it doesn't have isn't stored */
    DATABASE_WRITES, /* one whose sessions may write: no standby, and not made read-only */
};

/* Connects within 5 s for each address of the URL that is silent, after at most 10 s for host names. The
 * search_path is sluice, public: users' triggers may name objects in public. password, that of
 * DATABASE_PASSWORD or, to write, of SETUP_DATABASE_PASSWORD, is read from its file again (secret_file); "":
 * none is sent. The caller owns *connection and ends it with PQfinish. Returns ERROR_UNREACHABLE (also while
 * the server starts, has no free connection, or only servers answer that won't do), ERROR_REFUSED (login
 * failed) or ERROR_SETTING (the URL, or no such database).
 */
MUST_CHECK enum error_code database_open(PGconn **connection, enum database_use use, const char *url,
                                         const char *password, const char *subcommand, struct error *error);
/* Runs statements and discards their rows. Errors as for database_query. */
MUST_CHECK enum error_code database_run(PGconn *connection, const char *sql, struct error *error);
/* Runs one statement with text parameters. The caller owns *result and frees it with PQclear. Returns
 * ERROR_NOT_FOUND (no such table), ERROR_REFUSED (a missing right, or an invalid statement or value),
 * ERROR_UNREACHABLE (a temporary failure: disk full, out of memory, deadlock), ERROR_TIMEOUT or ERROR_CLOSED.
 */
MUST_CHECK enum error_code database_query(PGconn *connection, PGresult **result, const char *sql, int count,
                                          const char *const *parameters, struct error *error);
/* Converts the result of a statement that the caller ran into an error code: ERROR_NONE, or as for
 * database_query. */
MUST_CHECK enum error_code database_outcome(PGconn *connection, const PGresult *result, struct error *error);

#endif
