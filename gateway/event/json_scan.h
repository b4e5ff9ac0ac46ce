/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_JSON_SCAN_H
#define SLUICE_GATEWAY_EVENT_JSON_SCAN_H

/* JSON (RFC 8259) as text that is passed over, strictly, without a copy of it and without
 * recursion. Each function begins where the cursor is, passes over white space first, and false means that
 * what it wants isn't there: the text is then no JSON, and the cursor is at the first byte that can't be
 * right, or at the end. Pure; safe on any bytes. */

#include "buf.h"

#define JSONTEXT_DEPTH_MAX 512 /* objects and arrays within one another */

struct json_scan {
    const char *at, *end;
};

/* The next byte that isn't white space; NUL (which stands nowhere in JSON) at the end. */
char json_scan_peek(struct json_scan *c);
bool json_scan_take(struct json_scan *c, char wanted);
/* Whether a number begins right here. */
bool json_scan_is_number(const struct json_scan *c);
/* *raw is what stands between the quotes. */
bool json_scan_string(struct json_scan *c, struct span *raw);
/* A member's name, as json_scan_string, and its colon. */
bool json_scan_key(struct json_scan *c, struct span *raw);
/* A string, a number, true, false or null. */
bool json_scan_scalar(struct json_scan *c);
/* Any value. */
bool json_scan_value(struct json_scan *c);
/* Appends what a raw string (of json_scan_string) says, as UTF-8. False: half a surrogate pair, or no memory.
 */
bool json_scan_unescape(struct span raw, struct buf *out);

#endif
