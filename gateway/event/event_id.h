/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_EVENT_ID_H
#define SLUICE_GATEWAY_EVENT_EVENT_ID_H

/* An event's id. */

#include "envelope.h"
#include "gateway/reply.h"
#include "gateway/request.h"

enum eventid_kind {
    EVENTID_ANY, /* webhook-id, else Idempotency-Key, else a fresh UUIDv7 */
    EVENTID_HEADER,
    EVENTID_POINTER, /* a JSON pointer (RFC 6901) into the body */
    EVENTID_BODY,    /* the body's SHA-256 */
};

/* Where a source's events have their ids. */
struct eventid_rule {
    enum eventid_kind kind;
    const char *text; /* the header's name in lower case, or the pointer; else NULL */
    bool else_body;   /* where the header or the pointer finds nothing, the body's SHA-256; else 400 */
};

struct eventid {
    char text[ENVELOPE_ID_MAX + 1];
    size_t len;
};

/* The id by this rule. EVENTID_ANY: the header webhook-id, else Idempotency-Key, else a fresh UUIDv7
 * (RFC 9562) made of received_us. An empty header or string counts as absent. One of more than 255 bytes
 * becomes "sha256:" and its hash in hex, as the body does. False with REPLY_BAD_ID: the rule finds nothing, a
 * byte outside 0x21 to 0x7e, a header that came twice, a key that stands twice, a number
 * that isn't an integer of at most 15 digits. */
bool eventid_take(const struct eventid_rule *rule, const struct request *request, struct span body,
                  int64_t received_us, struct eventid *id, struct reply *reply);

#endif
