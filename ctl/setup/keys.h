/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_KEYS_H
#define SLUICE_CTL_SETUP_KEYS_H

/* What 'one row per (source, id)' rests on in the database: the two unique indexes, and that they compare
 * keys as bytes. Migrations make it; nothing but a check looks at it again. */

#include "error.h"
#include "outcome.h"

#include <libpq-fe.h>

/* Tells `outcome` of each that isn't as the migrations made it. */
MUST_CHECK enum error_code keys_check(PGconn *connection, struct outcome *outcome, struct error *error);

#endif
