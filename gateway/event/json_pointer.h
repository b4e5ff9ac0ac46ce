/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_JSON_POINTER_H
#define SLUICE_GATEWAY_EVENT_JSON_POINTER_H

/* A JSON pointer (RFC 6901) into a document (RFC 8259): finds one value in one pass over the
 * bytes, without building the document in memory and without recursing into it. The whole document
 * must be well-formed. Pure. */

#include "buf.h"

#define POINTER_TOKENS_MAX 16 /* "/a/b" has 2 */

enum json_pointer_result {
    JSON_POINTER_STRING, /* its raw text without the quotes: see json_scan_unescape */
    JSON_POINTER_NUMBER, /* its text */
    JSON_POINTER_OTHER,  /* an object, an array, true, false or null */
    JSON_POINTER_ABSENT,
    JSON_POINTER_AMBIGUOUS, /* a key on the way stands twice: readers would differ about which counts */
    JSON_POINTER_NO_JSON,
};

/* NULL when text is a pointer, else what is wrong as the middle of a sentence: "doesn't begin with /". */
const char *json_pointer_wrong(struct span text);
/* pointer: one that json_pointer_wrong has passed; "" is the whole document. *raw views into the document,
 * for JSON_POINTER_STRING and JSON_POINTER_NUMBER. Safe on any bytes. */
enum json_pointer_result json_pointer_find(struct span document, struct span pointer, struct span *raw);

#endif
