/* SPDX-License-Identifier: MIT */
#include "body_length.h"

#include "text.h"

#include <inttypes.h>

#define LENGTH_DIGITS_MAX 18 /* what an int64_t surely holds */

static bool check_length(struct span text, struct body_length *framing, struct reply *reply)
{
    int64_t length;

    if (!text_is_digits(text)) {
        return reply_refuse(reply, REPLY_MALFORMED, "Content-Length is not made of digits only");
    }
    if (!text_number(text, LENGTH_DIGITS_MAX, &length)) {
        return reply_refuse(reply, REPLY_MALFORMED, "Content-Length has %zu digits; 1 to %d are allowed",
                            text.len, LENGTH_DIGITS_MAX);
    }
    framing->body = BODY_LENGTH_GIVEN;
    framing->length = length;
    return true;
}

/* RFC 9112, 6.1 and 6.3. */
static bool check_coding(const struct request *r, struct span coding, struct reply *reply)
{
    struct span last = coding;

    for (size_t i = 0; i < coding.len; i++) {
        if (coding.data[i] == ',') {
            last = (struct span){coding.data + i + 1, coding.len - i - 1};
        }
    }
    if (!request_is(text_trim(last), "chunked") || r->http_1_0) {
        return reply_refuse(reply, REPLY_MALFORMED,
                            "Transfer-Encoding must end with chunked, and needs HTTP/1.1");
    }
    return last.len == coding.len ||
           reply_refuse(reply, REPLY_NOT_IMPLEMENTED,
                        "the only transfer coding that is understood here is chunked");
}

static bool check_body(const struct request *r, struct body_length *framing, struct reply *reply)
{
    struct span length, encoding;
    size_t lengths = request_find(r, "content-length", &length);
    size_t encodings = request_find(r, "transfer-encoding", &encoding);

    if (lengths + encodings > 1) {
        return reply_refuse(reply, REPLY_MALFORMED,
                            "%zu Content-Length and %zu Transfer-Encoding headers; send one of either",
                            lengths, encodings);
    }
    if (lengths == 1) {
        return check_length(length, framing, reply);
    }
    if (encodings == 1) {
        framing->body = BODY_LENGTH_CHUNKED;
        return check_coding(r, encoding, reply);
    }
    return true;
}

/* RFC 9112, 9.3. */
static bool wants_keep_alive(const struct request *r)
{
    return !request_lists(r, "connection", "close") &&
           (!r->http_1_0 || request_lists(r, "connection", "keep-alive"));
}

bool body_length_check(const struct request *r, struct body_length *framing, struct reply *reply)
{
    *framing = (struct body_length){.body = BODY_LENGTH_NONE, .keep_alive = wants_keep_alive(r)};
    return check_body(r, framing, reply);
}

bool body_length_expect(const struct request *r, struct body_length *framing, struct reply *reply)
{
    struct span expect;
    size_t expects = request_find(r, "expect", &expect);

    if (expects == 0 || r->http_1_0) { /* RFC 9110, 10.1.1: an older sender's is ignored */
        return true;
    }
    if (expects > 1 || !request_is(expect, "100-continue")) {
        return reply_refuse(reply, REPLY_EXPECTATION, "the only expectation that can be met is 100-continue");
    }
    framing->expect_continue = framing->body == BODY_LENGTH_CHUNKED || framing->length > 0;
    return true;
}
