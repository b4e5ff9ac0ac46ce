/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_ROUTES_SCHEME_TABLE_H
#define SLUICE_CTL_ROUTES_SCHEME_TABLE_H

/* Prints the verification schemes as a table, which tests/lint/schemes-doc writes into the documentation and
 * the schema of the routes file. */

#include "buf.h"

/* Appends one line for each scheme, in the order of the scheme table, with tab-separated cells: name; what is
 * signed and how; headers that are read; members that "verify" accepts; members that it requires; where the
 * id is; which arrival is kept. Lists are joined with ", ". */
void scheme_table(struct buf *out);

#endif
