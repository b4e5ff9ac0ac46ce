/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_KEYS_H
#define SLUICE_CTL_SETUP_KEYS_H

/* Checks the basis of "one row per (source, id)": the two unique indexes, and the collation that makes them
 * compare keys as bytes. The migrations create them; only `setup --check` looks at them again. */

#include "error.h"
#include "outcome.h"

#include <libpq-fe.h>

/* Reports to `outcome` each of them that differs from what the migrations created. */
MUST_CHECK enum error_code keys_check(PGconn *connection, struct outcome *outcome, struct error *error);

#endif
