/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_ROUTES_SCHEME_TABLE_H
#define SLUICE_CTL_ROUTES_SCHEME_TABLE_H

/* The schemes of verification as a table, for tests/lint/schemes-doc, which writes it into the documentation
 * and the schema of the routes file. */

#include "buf.h"

/* Appends a line for each scheme, in the order of the table: its cells, with tabs between them. They are
 * name; what is signed and how; the headers that are read; the members that "verify" takes; those that it
 * needs; where the id is; which arrival is kept. Lists are joined by ", ". */
void scheme_table(struct buf *out);

#endif
