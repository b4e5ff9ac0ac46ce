/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_OLD_ROWS_H
#define SLUICE_CTL_KEEP_OLD_ROWS_H

/* Deletes old rows of webhooks_raw, 5,000 in a transaction. */

#include "error.h"
#include "sweep.h"

/* Deletes batch after batch, until no old row is left that nobody has locked, or a drain is requested; counts
 * them in sweep->rows, also before an error. Errors as for database_query. */
MUST_CHECK enum error_code old_rows_delete(struct sweep *sweep, struct error *error);
/* Counts the old rows into sweep->left. Errors as for database_query. */
MUST_CHECK enum error_code old_rows_count(struct sweep *sweep, struct error *error);

#endif
