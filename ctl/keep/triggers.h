/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_TRIGGERS_H
#define SLUICE_CTL_KEEP_TRIGGERS_H

/* Others' triggers on webhooks_raw: one that runs when a body is emptied sees a null body, and would write
 * nulls over what it has made of that body. */

#include "error.h"

#include <libpq-fe.h>

/* Names, on standard error, each trigger that would run when a body is emptied, with the statement that adds
 * `when (new.body is not null)` to it. ERROR_SETTING when there is any; else errors as for database_query. */
MUST_CHECK enum error_code triggers_check(PGconn *database, struct error *error);

#endif
