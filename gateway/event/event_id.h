/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_EVENT_ID_H
#define SLUICE_GATEWAY_EVENT_EVENT_ID_H

/* An event's id. */

#include "envelope.h"
#include "gateway/reply.h"
#include "gateway/request.h"

enum event_id_kind {
    EVENT_ID_ANY, /* webhook-id, else Idempotency-Key, else a fresh UUIDv7 */
    EVENT_ID_HEADER,
    EVENT_ID_POINTER, /* a JSON pointer (RFC 6901) into the body */
    EVENT_ID_BODY,    /* the body's SHA-256 */
};

/* Where the id of a source's events comes from. */
struct event_id_rule {
    enum event_id_kind kind;
    const char *text; /* the header's name in lower case, or the pointer; else NULL */
    bool else_body;   /* when the header or pointer finds nothing: true: the body's SHA-256; false: 400 */
};

struct event_id {
    char text[ENVELOPE_ID_MAX + 1];
    size_t len;
};

/* Takes the id by this rule. EVENT_ID_ANY: the header webhook-id, else Idempotency-Key, else a new UUIDv7
 * (RFC 9562) from received_us; a blank header counts as absent.
 *
 * The id is the header's value, the string without its escapes, or the digits of an integer of at most 20
 * digits. What cannot be stored like that is replaced by "sha256:" and the SHA-256 of its text in hex, so
 * that the same id always gives the same key: text of more than 255 bytes or with a byte outside 0x21 to
 * 0x7e, any other number as it is written, and a string with half a surrogate pair as it is written. A blank
 * header or string (empty, or only white space and control characters) identifies nothing: the body's hash is
 * the id, of the same form.
 *
 * False with REPLY_BAD_ID: the rule finds nothing, the header was sent twice, or the body has the key twice.
 * False with REPLY_MEMORY: no memory, or no random bytes. */
bool event_id_take(const struct event_id_rule *rule, const struct request *request, struct span body,
                   int64_t received_us, struct event_id *id, struct reply *reply);

#endif
