/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_PATIENT_H
#define SLUICE_CTL_KEEP_PATIENT_H

/* A statement that may take as long as it needs, but ends at once when a drain is requested. */

#include "error.h"

#include <libpq-fe.h>

/* What all other statements of the session may take: a transaction of ours must not make a worker wait. */
#define PATIENT_BOUNDS "set lock_timeout = '1s'; set statement_timeout = '60s'"

/* As database_query, but without these bounds, which hold again afterwards. ERROR_CLOSED also when a drain
 * was requested: the statement was then cancelled. */
MUST_CHECK enum error_code patient_query(PGconn *connection, PGresult **result, const char *sql, int count,
                                         const char *const *parameters, struct error *error);

#endif
