/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_BODIES_H
#define SLUICE_CTL_KEEP_BODIES_H

/* Empties old rows of webhooks_raw: the body becomes null, the headers {}; key, times and order stay, and the
 * body's size and SHA-256 are noted. The worker's merge takes a redelivery of such a row for what it is,
 * since a comparison with a null body is never true, and lets a newer event replace it. */

#include "error.h"
#include "sweep.h"

/* Empties batch after batch, source by source, until no old body is left that nobody has locked, or a drain
 * is requested; counts them in sweep->rows and bytes, also before an error. Makes the index that finds them
 * first, unless it is there. Errors as for database_query. */
MUST_CHECK enum error_code bodies_empty(struct sweep *sweep, struct error *error);
/* Counts the old bodies into sweep->left and left_bytes; -1, unknown, when a drain was requested before. This
 * may take long when there is no index yet. Errors as for database_query; ERROR_CLOSED also when a drain was
 * requested. */
MUST_CHECK enum error_code bodies_count(struct sweep *sweep, struct error *error);

#endif
