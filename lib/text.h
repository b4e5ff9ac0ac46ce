/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H

/* The text syntax that several parsers share: white space, prefixes, digits, hex, base64. A span may hold any
 * bytes; returned spans are views into the argument. Pure. */

#include "buf.h"

/* The text without leading and trailing spaces and tabs. */
struct span text_trim(struct span text);
/* True when the text begins with exactly these bytes. */
bool text_begins(struct span text, const char *prefix);

/* True when the text is empty or consists only of decimal digits. */
bool text_is_digits(struct span text);
/* Parses an unsigned decimal number of 1 to `most` digits. `most` is at most 18, so that an int64_t can't
 * overflow. False, with *number unchanged, for any other text. */
bool text_number(struct span text, size_t most, int64_t *number);

/* The value of a hex digit in either case; -1 for other characters. */
int text_hex_digit(char c);
/* Writes bytes as 2 * len lower-case hex digits, without a NUL. */
void text_write_hex(const unsigned char *bytes, size_t len, char *text);
/* Decodes hex in either case and appends the bytes. False, with nothing appended, when the text isn't pairs
 * of hex digits or there is no memory. */
bool text_read_hex(struct span text, struct buf *bytes);

/* The number of base64 characters (RFC 4648, section 4, with padding) that encode len bytes. */
#define TEXT_BASE64_LENGTH(len) (((len) + 2) / 3 * 4)
/* Writes bytes as TEXT_BASE64_LENGTH(len) characters, without a NUL. */
void text_write_base64(const unsigned char *bytes, size_t len, char *text);
/* Decodes base64 and appends the bytes. The padding must be complete or absent. False, with nothing appended,
 * when the text isn't base64 (other characters, also "-" and "_"; set bits after the last byte) or there is
 * no memory. */
bool text_read_base64(struct span text, struct buf *bytes);

#endif
