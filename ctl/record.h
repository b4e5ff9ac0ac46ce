/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_RECORD_H
#define SLUICE_RECORD_H

/* JSON for --json: one object on one line. */

#include "buf.h"

#include <cjson/cJSON.h>
#include <libpq-fe.h>
#include <stdint.h>

/* The SQL of a time as text in RFC 3339: 2026-11-23T22:43:01.123456Z. column: a timestamptz, in a session
 * whose time zone is UTC. */
#define RECORD_TIME(column) "to_char(" column ", 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* Returns row `row` of a result as an object with a member for each column. The type of a column decides:
 * numbers and jsonb keep their digits, bool is true or false, null is null, bytea follows record_add_body,
 * and all else is text. NULL when there is no memory. The caller frees it with cJSON_Delete. */
cJSON *record_of_row(const PGresult *result, int row);
/* Adds bytes as text under `name` when they are UTF-8 without NUL, else in base64 under `name`_base64. */
void record_add_body(cJSON *object, const char *name, struct span body);
/* Adds a number, or null when it is negative. */
void record_add_count(cJSON *object, const char *name, int64_t count);
/* Prints an object on one line of standard output and deletes it. NULL, or no memory to print it: says so on
 * standard error. */
void record_print(const char *subcommand, cJSON *object);

#endif
