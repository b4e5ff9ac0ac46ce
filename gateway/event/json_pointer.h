/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_JSON_POINTER_H
#define SLUICE_GATEWAY_EVENT_JSON_POINTER_H

/* A JSON pointer (RFC 6901) into a document (RFC 8259): finds one value in one pass over the
 * bytes, without building the document in memory and without recursing into it. The whole document
 * must be well-formed. Pure. */

#include "buf.h"

#define POINTER_TOKENS_MAX 16 /* "/a/b" has 2 */

enum pointer_result {
    POINTER_STRING, /* its raw text without the quotes: see jsontext_unescape */
    POINTER_NUMBER, /* its text */
    POINTER_OTHER,  /* an object, an array, true, false or null */
    POINTER_ABSENT,
    POINTER_AMBIGUOUS, /* a key on the way stands twice: readers would differ about which counts */
    POINTER_NO_JSON,
};

/* NULL when text is a pointer, else what is wrong as the middle of a sentence: "doesn't begin with /". */
const char *pointer_wrong(struct span text);
/* pointer: one that pointer_wrong has passed; "" is the whole document. *raw views into the document, for
 * POINTER_STRING and POINTER_NUMBER. Safe on any bytes. */
enum pointer_result pointer_find(struct span document, struct span pointer, struct span *raw);

#endif
