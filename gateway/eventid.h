/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENTID_H
#define SLUICE_GATEWAY_EVENTID_H

/* An event's id, and when it was received. */

#include "envelope.h"
#include "reply.h"
#include "request.h"

struct eventid {
    char text[ENVELOPE_ID_MAX + 1];
    size_t len;
};

/* Microseconds since 1970, greater at every call, whatever the clock does: the merge
 * in the table orders arrivals by it. Any thread. */
int64_t eventid_received_us(void);

/* The id for a source without a rule: the header webhook-id, else Idempotency-Key, else a
 * fresh UUIDv7 (RFC 9562) made of received_us. An empty header counts as absent; one of more
 * than 255 bytes becomes "sha256:" and its hash in hex. False with REPLY_BAD_ID: a
 * byte outside 0x21 to 0x7e, or the header came twice. */
bool eventid_take(const struct request *request, int64_t received_us, struct eventid *id,
                  struct reply *reply);

#endif
