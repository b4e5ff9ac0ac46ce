/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ROWS_H
#define SLUICE_ROWS_H

/* Several events in one statement: which of them may share it, and their values, as one array for each
 * column in Postgres' binary format. Pure. */

#include "event.h"

/* A statement with arrays costs the server twice as much as one with single values: below this number of
 * events it doesn't pay. Beyond the other two it gains nothing more, and a failure would cost more. */
#define ROWS_LEAST 8
#define ROWS_MOST 128
#define ROWS_BYTES (256 * 1024)

#define ROWS_COLUMNS 10

struct rows {
    struct buf columns[ROWS_COLUMNS];
};

/* Returns how many of the events, from the first on, one statement can store: waiting ones that are merged by
 * the same rule, whose keys ascend (a statement can't change a row twice). 1: the first must have a statement
 * of its own. count: at least 1. */
size_t rows_run(struct event *const *events, size_t count);
/* Begins arrays for `count` rows. types: the elements' OIDs. */
void rows_begin(struct rows *rows, const uint32_t types[], size_t columns, size_t count);
/* Appends a row. A value without data is null. */
void rows_add(struct rows *rows, const struct span values[], size_t columns);
void rows_free(struct rows *rows);

#endif
