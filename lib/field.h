/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_FIELD_H
#define SLUICE_FIELD_H

/* The bytes of AMQP 0-9-1's fields and tables (4.2.5 of its specification, with
 * the type letters that RabbitMQ uses), for lib/envelope. Pure. Putting never
 * checks lengths: the caller has. Taking is safe on any bytes. */

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/* The low `bytes` (1 to 8) bytes of value, big-endian. */
void field_put_integer(struct buf *out, uint64_t value, size_t bytes);
/* At most 255 bytes. */
void field_put_short_string(struct buf *out, struct span text);
/* One field of a table: a name (at most 255 bytes) and a text or a 64-bit number. */
void field_put_text(struct buf *out, struct span name, struct span value);
void field_put_number(struct buf *out, const char *name, int64_t value);
/* A table is its length, then its fields. begin returns what end wants, to write the
 * length when it is known. */
size_t field_begin_table(struct buf *out);
void field_end_table(struct buf *out, size_t begin);

/* What is left to read. After a read past the end, or of an unknown type,
 * `broken` stays set and reads give nothing, so that a sequence of reads is checked once. */
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
    struct span bytes; /* of a text, a table or an array: a view into what the cursor reads */
};

/* Never a NULL view; empty once broken. */
struct span field_take_bytes(struct field_cursor *c, uint64_t len);
uint64_t field_take_integer(struct field_cursor *c, size_t bytes);
struct span field_take_short_string(struct field_cursor *c);
/* The next field of a table; false at its end, or when it is broken. */
bool field_take(struct field_cursor *c, struct field *f);
/* The next element of an array, which has no name; likewise. */
bool field_take_element(struct field_cursor *c, struct field *f);

#endif
