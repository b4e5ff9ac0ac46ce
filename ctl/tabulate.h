/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TABULATE_H
#define SLUICE_TABULATE_H

/* Prints a query result as a table, each column as wide as its longest value. */

#include "buf.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct tabulate_column {
    const char *title;
    size_t most; /* maximum width in characters; longer values are cut and end in ".."; 0: no limit */
    bool to_right;
};

/* Prints the first `count` columns of the result. */
void tabulate(const struct tabulate_column *columns, size_t count, const PGresult *result);

/* Appends text with each control character replaced by '?', so that it stays on one line and can't send
 * commands to the terminal. At most `most` characters (0: all). Returns the number of characters. Pure. */
size_t tabulate_append(struct buf *out, const char *text, size_t most);

#endif
