/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_JSON_SCAN_H
#define SLUICE_GATEWAY_EVENT_JSON_SCAN_H

/* A strict scanner of JSON text (RFC 8259) that makes no copy and does not recurse. Each function starts
 * at the cursor and skips white space first. It returns false when the expected element is not there: the
 * text is then not well-formed, and the cursor is at the first wrong byte or at the end. Pure; safe on
 * any bytes. */

#include "buf.h"

#define JSONTEXT_DEPTH_MAX 512 /* nesting of objects and arrays */

struct json_scan {
    const char *at, *end;
};

/* The next byte that is not white space, without passing it; NUL, which JSON does not allow, at the end. */
char json_scan_peek(struct json_scan *c);
bool json_scan_take(struct json_scan *c, char wanted);
/* True when a number begins at the cursor; skips no white space. */
bool json_scan_is_number(const struct json_scan *c);
/* *raw is the text between the quotes, still escaped. */
bool json_scan_string(struct json_scan *c, struct span *raw);
/* A member's name, as for json_scan_string, and its colon. */
bool json_scan_key(struct json_scan *c, struct span *raw);
/* A string, a number, true, false or null. */
bool json_scan_scalar(struct json_scan *c);
/* Any value. */
bool json_scan_value(struct json_scan *c);
/* Appends a raw string (from json_scan_string) without its escapes, as UTF-8. False for half a surrogate
 * pair, or without memory. */
bool json_scan_unescape(struct span raw, struct buf *out);

#endif
