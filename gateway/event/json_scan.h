/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_JSON_SCAN_H
#define SLUICE_GATEWAY_EVENT_JSON_SCAN_H

/* JSON (RFC 8259) as text that is passed over, strictly, without a copy of it and without
 * recursion. Each function begins where the cursor is, passes over white space first, and false means that
 * what it wants isn't there: the text is then no JSON, and the cursor is at the first byte that can't be
 * right, or at the end. Pure; safe on any bytes. */

#include "buf.h"

#define JSONTEXT_DEPTH_MAX 512 /* objects and arrays within one another */

struct jsontext {
    const char *at, *end;
};

/* The next byte that isn't white space; NUL (which stands nowhere in JSON) at the end. */
char jsontext_peek(struct jsontext *c);
bool jsontext_take(struct jsontext *c, char wanted);
/* Whether a number begins right here. */
bool jsontext_is_number(const struct jsontext *c);
/* *raw is what stands between the quotes. */
bool jsontext_string(struct jsontext *c, struct span *raw);
/* A member's name, as jsontext_string, and its colon. */
bool jsontext_key(struct jsontext *c, struct span *raw);
/* A string, a number, true, false or null. */
bool jsontext_scalar(struct jsontext *c);
/* Any value. */
bool jsontext_value(struct jsontext *c);
/* Appends what a raw string (of jsontext_string) says, as UTF-8. False: half a surrogate pair, or no memory.
 */
bool jsontext_unescape(struct span raw, struct buf *out);

#endif
