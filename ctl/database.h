/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DATABASE_H
#define SLUICE_DATABASE_H

/* One Postgres connection, waited for: what a command needs, not a daemon. */

#include "error.h"

#include <libpq-fe.h>

/* Connects within 5 s, after at most 10 s for the names of the hosts; the session finds Sluice's objects, and
 * what others' triggers name in public. *connection is the caller's, for PQfinish. ERROR_UNREACHABLE (also
 * while the server starts or is full), ERROR_REFUSED (login), ERROR_SETTING (the URL, or no such database).
 * password "" sends none. */
MUST_CHECK enum error_code database_open(PGconn **connection, const char *url, const char *password,
                                         const char *subcommand, struct error *error);
/* Runs statements whose rows nobody wants. Errors: as database_query. */
MUST_CHECK enum error_code database_run(PGconn *connection, const char *sql, struct error *error);
/* Runs one statement with text parameters; *result is the caller's, for PQclear.
 * ERROR_NOT_FOUND (no such table), ERROR_REFUSED (a right is missing, or the statement itself
 * is refused), ERROR_UNREACHABLE (it can't now: full, out of memory, a deadlock), ERROR_TIMEOUT,
 * ERROR_CLOSED. */
MUST_CHECK enum error_code database_query(PGconn *connection, PGresult **result, const char *sql, int count,
                                          const char *const *parameters, struct error *error);
/* What came of a statement that the caller sent: ERROR_NONE, or as database_query. */
MUST_CHECK enum error_code database_outcome(PGconn *connection, const PGresult *result, struct error *error);

#endif
