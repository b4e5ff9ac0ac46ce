/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_BODY_LENGTH_H
#define SLUICE_GATEWAY_HTTP_BODY_LENGTH_H

/* Is this head one that leaves no doubt about where its body ends, and within
 * the limits? civetweb is lenient (it takes Content-Length beside
 * Transfer-Encoding, the first of two lengths, "0x2" as 0, and drops headers
 * after the 64th), and a head that two parties read differently smuggles requests:
 * everything doubtful is refused here, before a byte of the body is read. Pure. */

#include "gateway/reply.h"
#include "gateway/request.h"

struct body_length_limits {
    int64_t max_body;
    int64_t max_header_bytes; /* names and values together */
};

enum body_length_kind {
    BODY_LENGTH_NONE, /* neither header: an empty body (RFC 9112, 6.3) */
    BODY_LENGTH_GIVEN,
    BODY_LENGTH_CHUNKED,
};

struct body_length {
    enum body_length_kind body;
    int64_t length;       /* BODY_LENGTH_GIVEN only; at most max_body */
    bool expect_continue; /* the sender waits for "100 Continue" */
    bool keep_alive;      /* as far as the sender is concerned */
};

/* False: *reply says why. */
bool body_length_check(const struct request *request, const struct body_length_limits *limits,
                       struct body_length *framing, struct reply *reply);
/* True when no byte of a body follows the head. */
bool body_length_is_none(const struct body_length *framing);

#endif
