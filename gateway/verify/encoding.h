/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_ENCODING_H
#define SLUICE_GATEWAY_VERIFY_ENCODING_H

/* The text encodings of signatures. Pure. */

#include "buf.h"

enum encoding { ENCODING_HEX, ENCODING_BASE64, ENCODING_BASE64URL };

/* "hex", "base64" or "base64url"; false when it is none of them. */
bool encoding_of(struct span name, enum encoding *encoding);
const char *encoding_name(enum encoding encoding);
/* The number of characters for `len` bytes: hex in lower case, or base64 (RFC 4648, 4) or base64url (5)
 * with padding. */
size_t encoding_length(enum encoding encoding, size_t len);
/* Writes encoding_length characters to text, without a NUL. */
void encoding_write(enum encoding encoding, const unsigned char *bytes, size_t len, char *text);
/* Decodes text and appends the bytes: hex of either case, base64 and base64url with or without padding.
 * False, with nothing appended, when the text is anything else or there is no memory (bytes->failed). */
bool encoding_read(enum encoding encoding, struct span text, struct buf *bytes);

#endif
