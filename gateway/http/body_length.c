/* SPDX-License-Identifier: MIT */
#include "body_length.h"

#include "envelope.h"
#include "text.h"

#include <inttypes.h>

#define LENGTH_DIGITS_MAX 18 /* what an int64_t surely holds */
#define NAME_MAX_BYTES 255   /* AMQP's short string */

static bool check_size(const struct request *r, const struct body_length_limits *limits, struct reply *reply)
{
    int64_t bytes = 0;

    if (r->header_count >= REQUEST_HEADERS_MAX) {
        return reply_refuse(reply, REPLY_HEADERS, "the request has %d headers or more; fewer are allowed",
                            REQUEST_HEADERS_MAX);
    }
    for (size_t i = 0; i < r->header_count; i++) {
        if (r->headers[i].name.len > NAME_MAX_BYTES) {
            return reply_refuse(reply, REPLY_HEADERS, "a header's name has %zu bytes; at most %d are allowed",
                                r->headers[i].name.len, NAME_MAX_BYTES);
        }
        bytes += (int64_t)(r->headers[i].name.len + r->headers[i].value.len);
    }
    if (bytes > limits->max_header_bytes) {
        return reply_refuse(reply, REPLY_HEADERS,
                            "the headers have %" PRId64 " bytes; at most %" PRId64 " are allowed", bytes,
                            limits->max_header_bytes);
    }
    return true;
}

static bool prints(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x21 || s.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool check_target(const struct request *r, struct reply *reply)
{
    if (r->path.len + r->query.len > ENVELOPE_TARGET_MAX) {
        return reply_refuse(reply, REPLY_LONG_TARGET, "the URL has %zu bytes; at most %d are allowed",
                            r->path.len + r->query.len, ENVELOPE_TARGET_MAX);
    }
    if (r->path.len == 0 || !prints(r->path) || !prints(r->query)) {
        return reply_refuse(reply, REPLY_MALFORMED,
                            "the URL holds a byte outside 0x21 to 0x7e; percent-encode it");
    }
    return true;
}

static bool check_host(const struct request *r, struct reply *reply)
{
    size_t hosts = request_find(r, "host", NULL);

    if (hosts > 1 || (hosts == 0 && !r->http_1_0)) {
        return reply_refuse(reply, REPLY_MALFORMED, "the request has %zu Host headers; send one", hosts);
    }
    return true;
}

static bool check_method(const struct request *r, struct reply *reply)
{
    return request_method(r->method) != 0 ||
           reply_refuse(reply, REPLY_METHOD, "the method is not one that Allow lists");
}

static bool check_length(struct span text, const struct body_length_limits *limits,
                         struct body_length *framing, struct reply *reply)
{
    int64_t length;

    if (!text_is_digits(text)) {
        return reply_refuse(reply, REPLY_MALFORMED, "Content-Length is not made of digits only");
    }
    if (!text_number(text, LENGTH_DIGITS_MAX, &length)) {
        return reply_refuse(reply, REPLY_MALFORMED, "Content-Length has %zu digits; 1 to %d are allowed",
                            text.len, LENGTH_DIGITS_MAX);
    }
    if (length > limits->max_body) {
        return reply_refuse(reply, REPLY_TOO_LARGE,
                            "the body has %" PRId64 " bytes; at most %" PRId64 " are allowed", length,
                            limits->max_body);
    }
    framing->body = BODY_LENGTH_GIVEN;
    framing->length = length;
    return true;
}

static bool check_body(const struct request *r, const struct body_length_limits *limits,
                       struct body_length *framing, struct reply *reply)
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
        return check_length(length, limits, framing, reply);
    }
    if (encodings == 1) {
        if (!request_is(encoding, "chunked") || r->http_1_0) {
            return reply_refuse(reply, REPLY_MALFORMED,
                                "Transfer-Encoding may only be chunked, and only in HTTP/1.1");
        }
        framing->body = BODY_LENGTH_CHUNKED;
    }
    return true;
}

static bool check_expect(const struct request *r, struct body_length *framing, struct reply *reply)
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

/* As civetweb decides: it looks at the first Connection header, and at protocol switches. */
static bool wants_keep_alive(const struct request *r)
{
    if (request_find(r, "upgrade", NULL) > 0 || request_lists(r, "connection", "close")) {
        return false;
    }
    if (request_find(r, "connection", NULL) > 0) {
        return request_lists(r, "connection", "keep-alive");
    }
    return !r->http_1_0;
}

bool body_length_check(const struct request *r, const struct body_length_limits *limits,
                       struct body_length *framing, struct reply *reply)
{
    *framing = (struct body_length){.body = BODY_LENGTH_NONE, .keep_alive = wants_keep_alive(r)};
    return check_size(r, limits, reply) && check_target(r, reply) && check_host(r, reply) &&
           check_body(r, limits, framing, reply) && check_method(r, reply) && check_expect(r, framing, reply);
}

bool body_length_is_none(const struct body_length *framing)
{
    return framing->body == BODY_LENGTH_NONE || (framing->body == BODY_LENGTH_GIVEN && framing->length == 0);
}
