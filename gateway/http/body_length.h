/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_BODY_LENGTH_H
#define SLUICE_GATEWAY_HTTP_BODY_LENGTH_H

/* Decides where a request's body ends, from its headers (RFC 9112, 6). A request whose body two readers could
 * end at different bytes smuggles a hidden one: it is refused before a byte of the body is read. Pure. */

#include "gateway/reply.h"
#include "gateway/request.h"

enum body_length_kind {
    BODY_LENGTH_NONE, /* neither header: an empty body (RFC 9112, 6.3) */
    BODY_LENGTH_GIVEN,
    BODY_LENGTH_CHUNKED,
};

struct body_length {
    enum body_length_kind body;
    int64_t length;       /* BODY_LENGTH_GIVEN only */
    bool expect_continue; /* the sender waits for "100 Continue" */
    bool keep_alive;      /* as far as the sender is concerned */
};

/* False, with *reply set, when the end of the body is doubtful. */
bool body_length_check(const struct request *request, struct body_length *framing, struct reply *reply);
/* Sets expect_continue. False, with *reply set, when the sender expects anything else. */
bool body_length_expect(const struct request *request, struct body_length *framing, struct reply *reply);

#endif
