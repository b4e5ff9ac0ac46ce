/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_READER_H
#define SLUICE_CTL_LOOK_READER_H

/* A database connection that only reads, for questions that people ask while the workers store events. */

#include "error.h"
#include "postgres.h"

#include <libpq-fe.h>

/* Connects as database_open does. Transactions are read-only, a statement may take 5 s, and times are in UTC.
 * ERROR_SETTING: the URL names the workers' role, whose connections are the budget. The caller owns
 * *connection and ends it with PQfinish. */
MUST_CHECK enum error_code reader_open(PGconn **connection, const struct postgres_access *access,
                                       const char *subcommand, struct error *error);

#endif
