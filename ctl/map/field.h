/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_MAP_FIELD_H
#define SLUICE_CTL_MAP_FIELD_H

/* What was seen at each path of the samples' payloads, and the columns that this makes. Pure. */

#include "error.h"
#include "kind.h"
#include "sql_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX 5000
/* A row of so many columns fits into a page of Postgres, whatever their values: what is longer than 24 bytes
 * is stored elsewhere. */
#define FIELDS_COLUMNS_MAX 300

struct field {
    char *path;          /* a JSON array of keys: ["repository","full_name"] */
    int64_t seen, nulls; /* in so many samples; nulls: among them */
    int64_t longest;     /* characters of a text */
    unsigned kinds;      /* KIND_BIT of each that was seen */
    enum kind column;    /* its type, once fields_choose has chosen it; else KIND_NONE */
    char name[SQL_NAME_SIZE];
};

/* Zero-initialise; free with fields_free. */
struct fields {
    struct field *all; /* by path */
    size_t count;
    size_t columns; /* the chosen ones */
    size_t rare;    /* paths of too few samples to be among the columns */
    int64_t beyond; /* values at paths beyond FIELDS_MAX */
};

/* Notes a value. length: its characters, of a text; else 0. ERROR_MEMORY. */
MUST_CHECK enum error_code fields_note(struct fields *fields, const char *path, enum kind kind,
                                       int64_t length, struct error *error);
/* Chooses the columns, those of the most samples when there are too many, and their names, which are
 * different from each other and from those that each table has. ERROR_MEMORY. */
MUST_CHECK enum error_code fields_choose(struct fields *fields, struct error *error);
/* The SQL of its column's type. */
const char *field_type(const struct field *field);
/* Appends in words what was seen. */
void field_append_summary(const struct field *field, int64_t samples, struct buf *out);
/* Appends the SQL expression of its value as the type of its column. payload: the SQL of the payload. */
void field_append_value(const struct field *field, const char *payload, struct buf *sql);
/* True when it looks like what people search by: a time, or an id. */
bool field_is_key(const struct field *field);
void fields_free(struct fields *fields);

#endif
