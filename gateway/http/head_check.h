/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_HEAD_CHECK_H
#define SLUICE_GATEWAY_HTTP_HEAD_CHECK_H

/* Checks that civetweb has parsed the request line and headers (the head) correctly. It parses them in place
 * and gets three things wrong without an error:
 *
 * - It stops at a line that it cannot parse (a folded one, for example): the headers after it are lost,
 *   perhaps Content-Length among them.
 * - It accepts a bare LF as a line end; other HTTP implementations do not.
 * - It skips an empty line before the request line, but also takes it for the end of the head: it then reads
 *   the body from within the head, and the rest becomes the next request. When such a line is all that has
 *   arrived, it parses what an earlier connection left in the buffer.
 *
 * All three show in the positions of the parsed parts, because civetweb replaces the CR and the LF of each
 * line end by one NUL each. (A last line that ends in two LFs, followed by the bytes of an empty line, looks
 * like a correct one and is accepted here; request_stream_agrees tells it apart.) One line end before the
 * request line is allowed (RFC 9112, 2.2) and is harmless. Pure. */

#include "gateway/reply.h"
#include "gateway/request.h"

/* The buffer that a thread of civetweb reads every head into; it stays the same for the life of the thread.
 * civetweb does not expose it, but every head begins at its start. Zero-initialise except for the size. */
struct head_buffer {
    size_t size;
    const char *start; /* the lowest address at which a head began; NULL: none yet */
};

/* request and version (the text after "HTTP/") as civetweb gives them, as views into this buffer. Returns
 * false with *reply set when the head was parsed wrongly. Reads nothing beyond the buffer, unless every head
 * that this thread has seen followed 16 or more bytes of empty lines. */
bool head_check(struct head_buffer *buffer, const struct request *request, const char *version,
                struct reply *reply);

#endif
