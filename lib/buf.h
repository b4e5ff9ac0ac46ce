/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BUF_H
#define SLUICE_BUF_H

/* Bytes: a span is a view of memory that something else owns; a buf owns its memory and grows. Neither is
 * NUL-terminated unless a comment says so. */

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
/* Compares bytewise; a proper prefix sorts first. Returns <0, 0 or >0. */
int span_compare(struct span a, struct span b);
/* True when the bytes are valid as Postgres text: well-formed UTF-8 (RFC 3629: no surrogates, nothing above
 * U+10FFFF, no overlong forms) without NUL. */
bool span_is_text(struct span s);
/* The length of the UTF-8 character that s begins with, and its code point in *point. 0, with *point
 * unchanged, when s is empty or begins with a NUL or with bytes that aren't UTF-8. */
size_t span_character(struct span s, uint32_t *point);
/* The length of the longest prefix of at most `most` bytes that doesn't split a UTF-8 character. When s isn't
 * UTF-8, the prefix may be up to 3 bytes shorter. Reads only the first `most` bytes. All code that truncates
 * text calls this. */
size_t span_cut(struct span s, size_t most);

/* Both write untrusted text into the array `text` of `size` bytes (at least 1), cut it with span_cut and
 * NUL-terminate it. The result is valid as Postgres text: each NUL and each byte that isn't UTF-8 becomes
 * '?'. Both return the length without the NUL. */
size_t text_copy(char *text, size_t size, struct span s);
/* Formats like vsnprintf; writes "" when vsnprintf fails. */
size_t text_format(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Zero-initialise for an empty buf. When an allocation fails, `failed` is set and stays set, and appending
 * does nothing. So a caller may append many times and check `failed` once, at the end. */
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
/* Appends s as a JSON string with its quotes. Control characters become \u00XX. s must be UTF-8: invalid
 * bytes are copied unchanged. */
void buf_append_json(struct buf *b, struct span s);
/* Appends Latin-1 as UTF-8. */
void buf_append_latin1(struct buf *b, struct span s);
/* Makes room for len more bytes, so that appending up to len bytes can't fail. Sets `failed` and returns
 * false when there is no memory. */
bool buf_reserve(struct buf *b, size_t len);
/* Returns the contents as a C string: NUL-terminated (b->len doesn't count the NUL), owned by b, valid until
 * b changes. "" after a failure. */
const char *buf_text(struct buf *b);
struct span buf_span(const struct buf *b);
/* Empties b and clears `failed`, but keeps the memory. */
void buf_clear(struct buf *b);
/* Frees the memory; b is then empty and usable. */
void buf_free(struct buf *b);

#endif
