/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_MAP_KIND_H
#define SLUICE_CTL_MAP_KIND_H

/* What a JSON value is, as a column of Postgres. Each type that is more than text has one SQL test and one
 * cast that can't fail after it: samples are classified by the test, and the printed SQL converts by both. */

#include "buf.h"

enum kind {
    KIND_BIGINT,
    KIND_NUMERIC,
    KIND_BOOLEAN,
    KIND_TIMESTAMPTZ,
    KIND_UUID,
    KIND_TEXT, /* from here on without a function */
    KIND_ARRAY,
    KIND_OBJECT, /* as deep as paths go: a column of its own */
    KIND_INNER,  /* an object whose members have paths */
    KIND_NULL,
    KIND_NONE, /* no value: not JSON, or its key is too long */
    KIND_COUNT,
};

#define KIND_BIT(kind) (1U << (kind))

/* Its word: the type's name for those that have one. */
const char *kind_word(enum kind kind);
/* Returns KIND_NONE for a word of no kind. */
enum kind kind_of(const char *word);
/* Returns the type of a column for values of these kinds (KIND_BIT of each), or KIND_NONE when it needs no
 * column: only its members do. KIND_OBJECT stands for jsonb. */
enum kind kind_of_column(unsigned kinds);
/* Appends the SQL expression of the kind's word for `value`, a jsonb. deeper: an SQL condition, true where
 * members of an object have paths. */
void kind_append_case(struct buf *sql, const char *deeper);
/* Appends the SQL that creates payload_KIND(jsonb). kind: one of those before KIND_TEXT. */
void kind_append_function(struct buf *sql, enum kind kind);

#endif
