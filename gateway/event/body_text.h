/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_BODY_TEXT_H
#define SLUICE_GATEWAY_EVENT_BODY_TEXT_H

/* A request's body as text to read an id or a challenge from: without its Content-Encoding (RFC 9110, 8.4).
 * It is only for reading: the body is verified, hashed and stored as it came.
 *
 * No signature covers Content-Encoding. It can only decide whether an id is found, not which one: data that
 * is valid gzip or zlib is not JSON, and anything else is read as it came. */

#include "gateway/body_memory.h"
#include "gateway/request.h"
#include "json_pointer.h"

enum body_text_flaw {
    BODY_TEXT_NO_FLAW,
    BODY_TEXT_CODING,    /* it has a coding that is neither gzip nor deflate, or more than one */
    BODY_TEXT_CORRUPT,   /* it is not in the form of its coding */
    BODY_TEXT_TRUNCATED, /* it ends before its data does */
    BODY_TEXT_TOO_LARGE, /* inflated, it exceeds the limit */
    BODY_TEXT_MEMORY,    /* no memory to inflate it, or the budget of bodies is used up */
};

/* On the stack of the request's thread. */
struct body_text {
    const struct request *request;
    struct span body;
    size_t limit; /* of the inflated text, in bytes */
    bool is_read;
    enum body_text_flaw flaw;
    struct body inflated;
    struct json_pointer_want
        also; /* read in the first pass of body_text_find; a pointer without data: none */
    bool also_read;
};

/* Inflates nothing yet; the text will count in this budget. A caller whose body counts in it, too, makes it
 * the origin of `inflated`. The caller keeps request and body valid until body_text_free, which it must call,
 * except for an origin that was refused. */
struct body_text body_text_of(const struct request *request, struct span body, size_t limit,
                              struct body_memory *memory);
/* Returns the text; inflates it in the first call: codings gzip, x-gzip and deflate (in zlib's form), at most
 * `limit` bytes. With a flaw, the text is the body as it came; with BODY_TEXT_MEMORY it is empty, and the
 * request must be refused. Valid until body_text_free. */
struct span body_text_read(struct body_text *text);
/* json_pointer_find in this text. */
enum json_pointer_result body_text_find(struct body_text *text, struct span pointer, struct span *raw);
/* What `also` has found, which must have a pointer. */
const struct json_pointer_want *body_text_also(struct body_text *text);
/* Appends why the body could not be inflated, as the end of a sentence: ": the body ...". Nothing when it has
 * no flaw, or was not read. */
void body_text_append_flaw(const struct body_text *text, struct buf *out);
void body_text_free(struct body_text *text);

#endif
