/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_ENCODING_H
#define SLUICE_GATEWAY_VERIFY_ENCODING_H

/* Bytes as text, the two ways in which signatures are written. Pure. */

#include "buf.h"

enum encoding { ENCODING_HEX, ENCODING_BASE64 };

/* "hex" or "base64"; false when it is neither. */
bool encoding_of(struct span name, enum encoding *encoding);
const char *encoding_name(enum encoding encoding);
/* How many characters `len` bytes become: hex in lower case, base64 (RFC 4648, 4) with its padding. */
size_t encoding_length(enum encoding encoding, size_t len);
/* Writes them to text, without a NUL. */
void encoding_write(enum encoding encoding, const unsigned char *bytes, size_t len, char *text);
/* Appends the bytes of a text: hex in either case, base64 with its padding or without. False, with nothing
 * appended, when the text is something else or there is no memory (bytes->failed). */
bool encoding_read(enum encoding encoding, struct span text, struct buf *bytes);

#endif
