/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_FIELD_H
#define SLUICE_FIELD_H

/* Encodes and decodes AMQP 0-9-1 fields and tables (section 4.2.5, with RabbitMQ's type letters), for
 * lib/envelope. Pure. The field_put functions rely on the caller to check lengths. The field_take functions
 * are safe on any bytes. */

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends the low `bytes` (1 to 8) bytes of value, big-endian. */
void field_put_integer(struct buf *out, uint64_t value, size_t bytes);
/* Appends a short string: at most 255 bytes, after a length byte. */
void field_put_short_string(struct buf *out, struct span text);
/* Append one field of a table: a name (at most 255 bytes) and a text or a 64-bit number. */
void field_put_text(struct buf *out, struct span name, struct span value);
void field_put_number(struct buf *out, const char *name, int64_t value);
/* A table is a length followed by fields. field_begin_table leaves room for the length; pass its result to
 * field_end_table, which fills it in. */
size_t field_begin_table(struct buf *out);
void field_end_table(struct buf *out, size_t begin);

/* What is left to read. A read past the end or of an unknown type sets `broken` for good; later reads return
 * nothing. So a caller may read several fields and check `broken` once. */
struct field_cursor {
    const char *at;
    size_t left;
    bool broken;
};

enum field_kind {
    FIELD_NUMBER, /* any integer type, a boolean, a timestamp */
    FIELD_TEXT,
    FIELD_TABLE,
    FIELD_ARRAY,
    FIELD_OTHER, /* skipped */
};

struct field {
    enum field_kind kind;
    struct span name;
    int64_t number;
    struct span bytes; /* of a text, table or array: a view into the bytes being read */
};

/* The next len bytes, as a view that is never NULL; empty once broken. */
struct span field_take_bytes(struct field_cursor *c, uint64_t len);
uint64_t field_take_integer(struct field_cursor *c, size_t bytes);
struct span field_take_short_string(struct field_cursor *c);
/* The next field of a table; false at the end and when the cursor is broken. */
bool field_take(struct field_cursor *c, struct field *f);
/* The next element of an array, whose name is empty; false as above. */
bool field_take_element(struct field_cursor *c, struct field *f);

#endif
