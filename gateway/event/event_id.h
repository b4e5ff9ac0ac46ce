/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_EVENT_ID_H
#define SLUICE_GATEWAY_EVENT_EVENT_ID_H

/* An event's id. */

#include "body_text.h"
#include "envelope.h"
#include "gateway/reply.h"
#include "gateway/request.h"

enum event_id_kind {
    EVENT_ID_END, /* ends a list of rules */
    EVENT_ID_HEADER,
    EVENT_ID_POINTER, /* a JSON pointer (RFC 6901) into the body */
    EVENT_ID_BODY,    /* the body's SHA-256; always fits */
    EVENT_ID_FRESH,   /* a new UUIDv7 (RFC 9562); always fits */
};

#define EVENT_ID_RULES_MAX 8 /* in a list, without its end */

/* A place where the id of a source's events may be. */
struct event_id_rule {
    enum event_id_kind kind;
    const char *text; /* the header's name in lower case, or the pointer; else NULL */
    /* For the events whose id this rule finds; first when no signature covers it. Unused in struct scheme. */
    enum envelope_keep keep;
};

struct event_id {
    char text[ENVELOPE_ID_MAX + 1];
    size_t len;
    enum envelope_keep keep; /* of the rule that found it */
};

/* Takes the id by the first of these rules that fits; received_us is the time in a fresh id. A header or
 * pointer fits when it finds an id that is not blank. A pointer reads the body's text, which is inflated for
 * the first pointer; the body's hash is that of the body as it came.
 *
 * The id is the header's value, the string without its escapes, or the digits of an integer of at most 20
 * digits. What cannot be stored like that is replaced by "sha256:" and the SHA-256 of its text in hex, so
 * that the same id always gives the same key: text of more than 255 bytes or with a byte outside 0x21 to
 * 0x7e, any other number as it is written, and a string with half a surrogate pair as it is written. A blank
 * header or string (empty, or only white space and control characters) identifies nothing: the body's hash is
 * the id, of the same form.
 *
 * False with REPLY_BAD_ID: no rule finds anything, or a rule's header was sent twice or its key is in the
 * body twice.  * False with REPLY_MEMORY: no memory, or no random bytes. */
bool event_id_take(const struct event_id_rule *rules, const struct request *request, struct body_text *body,
                   int64_t received_us, struct event_id *id, struct reply *reply);

#endif
