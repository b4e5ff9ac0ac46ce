/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H

/* What several readers and writers of texts must see alike: white space, prefixes, digits, hex, base64. Views
 * in, views out; a span may hold any bytes. Pure. */

#include "buf.h"

/* Without the blanks and tabs at both ends. */
struct span text_trim(struct span text);
/* True when the text begins with this prefix, byte by byte. */
bool text_begins(struct span text, const char *prefix);

/* True when there is nothing but decimal digits, or nothing at all. */
bool text_is_digits(struct span text);
/* A number without a sign, of 1 to `most` digits (most is at most 18, which an int64_t surely holds). False,
 * and *number is as it was, when it is anything else. */
bool text_number(struct span text, size_t most, int64_t *number);

/* The value of a hex digit of either case; -1 when it is none. */
int text_hex_digit(char c);
/* Writes 2 * len digits in lower case, without a NUL. */
void text_write_hex(const unsigned char *bytes, size_t len, char *text);
/* Appends the bytes that pairs of hex digits of either case stand for. False, with nothing appended, when the
 * text is anything else or there is no memory. */
bool text_read_hex(struct span text, struct buf *bytes);

/* How many characters of base64 (RFC 4648, 4, with its padding) so many bytes become. */
#define TEXT_BASE64_LENGTH(len) (((len) + 2) / 3 * 4)
/* Writes them, without a NUL. */
void text_write_base64(const unsigned char *bytes, size_t len, char *text);
/* Appends the bytes of base64; its padding may be left out, whole. False, with nothing appended, when
 * it isn't base64 (other characters, bits that are no byte's, "-" and "_") or there is no memory. */
bool text_read_base64(struct span text, struct buf *bytes);

#endif
