/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_TURN_H
#define SLUICE_CTL_KEEP_TURN_H

/* One run at a time: a lock of the session, which the server frees when its holder dies. */

#include "error.h"

#include <libpq-fe.h>
#include <stdbool.h>

enum turn { TURN_ROWS, TURN_BODIES };

/* Waits until no other session has the turn, and takes it; says once that it waits. *taken: false when a
 * drain was requested meanwhile. It is given back when the session ends. Errors as for database_query. */
MUST_CHECK enum error_code turn_take(PGconn *database, enum turn turn, bool *taken, struct error *error);

#endif
