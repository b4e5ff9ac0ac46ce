/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_MAP_SQL_TEXT_H
#define SLUICE_CTL_MAP_SQL_TEXT_H

/* Senders' words in SQL that a person runs. Pure. */

#include "buf.h"

#include <stdbool.h>

#define SQL_NAME_SIZE 64 /* Postgres cuts names after 63 bytes */

/* Appends a string literal: one line of printable ASCII that ends neither a comment nor a dollar quote that
 * it stands in. text: UTF-8. */
void sql_append_literal(struct buf *sql, struct span text);
/* Appends text as part of a name: ASCII letters in lower case, digits, and _ for each other character.
 * createdAt becomes created_at. */
void sql_append_name(struct buf *name, struct span text);
/* True for a name of 1 to 63 ASCII letters, digits and _. */
bool sql_is_name(const char *text);

#endif
