/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TABULATE_H
#define SLUICE_TABULATE_H

/* A query's rows as a table for people, each column as wide as it needs to be. */

#include "buf.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct tabulate_column {
    const char *title;
    size_t most; /* characters; what is longer is cut and ends in ".."; 0: any */
    bool to_right;
};

/* The columns are the result's first ones. */
void tabulate(const struct tabulate_column *columns, size_t count, const PGresult *result);

/* Appends text so that it stands on one line and tells a terminal nothing: control characters become '?'.
 * At most `most` characters (0: all); returns how many. Pure. */
size_t tabulate_append(struct buf *out, const char *text, size_t most);

#endif
