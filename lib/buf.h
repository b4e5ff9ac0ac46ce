/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BUF_H
#define SLUICE_BUF_H

/* Bytes: a span is a view of bytes that someone else owns, a buf is bytes of
 * one's own that grow. Neither is NUL-terminated unless said so. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *data; /* may be NULL when len is 0 */
    size_t len;
};

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})

/* A view of a C string; NULL gives the empty span. */
struct span span_of(const char *text);
bool span_equal(struct span a, struct span b);
/* Compares as bytes, a shorter prefix first: <0, 0 or >0. */
int span_compare(struct span a, struct span b);
/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing
 * over U+10FFFF, no overlong form) and hold no NUL: what Postgres takes as text. */
bool span_is_text(struct span s);
/* The length of the longest prefix of at most `most` bytes that doesn't end inside a UTF-8 character; up to 3
 * bytes less where the bytes are no UTF-8. Reads none but the first `most`. Every cut of a text is made here.
 */
size_t span_cut(struct span s, size_t most);

/* Texts of others in arrays of ours: NUL-terminated, cut by span_cut to at most size - 1 bytes (size is at
 * least 1), and always what Postgres takes as text: each byte that is no UTF-8, and each NUL, becomes '?'.
 * Both return the length without the NUL. */
size_t text_copy(char *text, size_t size, struct span s);
/* As vsnprintf; "" when the format can't be followed. */
size_t text_format(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Zero-initialise to make an empty one. After an allocation failed, `failed`
 * stays set and appending does nothing, so that a writer checks once, at the end. */
struct buf {
    char *data;
    size_t len;
    size_t capacity;
    bool failed;
};

void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_span(struct buf *b, struct span s);
void buf_append_text(struct buf *b, const char *text);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends s as a JSON string with its quotes; s must be UTF-8 (others' bytes
 * are copied as they are). Control characters become \u00XX. */
void buf_append_json(struct buf *b, struct span s);
/* Appends Latin-1 as UTF-8. */
void buf_append_latin1(struct buf *b, struct span s);
/* Makes room for len more bytes, so that the next appends of that many can't
 * fail; false (and `failed` set) when there is no memory. */
bool buf_reserve(struct buf *b, size_t len);
/* Gives b->data a terminating NUL that b->len does not count and returns it;
 * "" after a failure. Owned by b, valid until it next changes. */
const char *buf_text(struct buf *b);
struct span buf_span(const struct buf *b);
/* Empties it and keeps its memory; clears `failed`. */
void buf_clear(struct buf *b);
/* Frees its memory and leaves it empty and usable. */
void buf_free(struct buf *b);

#endif
