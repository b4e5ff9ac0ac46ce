/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_JSON_POINTER_H
#define SLUICE_GATEWAY_EVENT_JSON_POINTER_H

/* Evaluates JSON pointers (RFC 6901) on a document (RFC 8259) in one pass over the bytes. Builds no tree,
 * and recurses only as deep as the pointer has tokens. The whole document must be well-formed; one UTF-8 byte
 * order mark before it is skipped (RFC 8259, 8.1, allows parsers to ignore it). Pure. */

#include "buf.h"

#define POINTER_TOKENS_MAX 16 /* "/a/b" has 2 */

enum json_pointer_result {
    JSON_POINTER_STRING, /* *raw is its text without the quotes, still escaped: see json_scan_unescape */
    JSON_POINTER_NUMBER, /* *raw is its text */
    JSON_POINTER_OTHER,  /* an object, an array, true, false or null */
    JSON_POINTER_ABSENT,
    JSON_POINTER_AMBIGUOUS, /* an object on the path has the key twice: parsers differ in which one they take
                             */
    JSON_POINTER_NO_JSON,   /* the document is not well-formed JSON */
};

/* NULL when text is a valid pointer, else what is wrong as the end of a sentence: "doesn't begin with /". */
const char *json_pointer_wrong(struct span text);
/* pointer must be valid (see json_pointer_wrong); "" is the whole document. Sets *raw, a view into the
 * document, for JSON_POINTER_STRING and JSON_POINTER_NUMBER. Safe on any bytes. */
enum json_pointer_result json_pointer_find(struct span document, struct span pointer, struct span *raw);

#define JSON_POINTERS_MAX 20 /* in one pass */

struct json_pointer_want {
    struct span pointer;
    enum json_pointer_result result;
    struct span raw;
};

/* The same for up to JSON_POINTERS_MAX pointers in one pass: sets each result and its raw text, which is
 * empty for other results than strings and numbers. */
void json_pointer_find_all(struct span document, struct json_pointer_want *wants, size_t count);

#endif
