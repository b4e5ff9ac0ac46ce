/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_HEAD_CHECK_H
#define SLUICE_GATEWAY_HTTP_HEAD_CHECK_H

/* Did civetweb take this head for what it is? It takes heads apart in place, and three things go wrong in
 * silence:
 *
 * - It stops at a line that it can't read (a folded one, say): the headers after it vanish, Content-Length
 *   perhaps among them.
 * - It takes bare LFs for line ends, which others don't.
 * - An empty line before the request is skipped, but is also where it believes the head to end: the body is
 * then read from the head itself, and what follows is the next request. After such a line alone, it reads on
 * in what an earlier connection left in the buffer.
 *
 * All of that shows in where the parts lie, for each line end is one NUL for CR and one for LF. (A last line
 * that ends in two LFs with the bytes of an empty line behind them can't be told from a right one, and is
 * read as it is meant.) One line end before the request is allowed (RFC 9112, 2.2): that one does no harm.
 * Pure. */

#include "gateway/reply.h"
#include "gateway/request.h"

/* The buffer that a thread of civetweb reads every head into, one for its whole life. It isn't shown, but a
 * head begins where it begins. Zero but for the size. */
struct head_buffer {
    size_t size;
    const char *start; /* the least at which a head began; NULL: none yet */
};

/* request and version (behind "HTTP/") as civetweb shows them, in this buffer. No byte beyond it is read,
 * unless every head that this thread has seen came after 16 bytes of empty lines or more. False: *reply says
 * what is wrong. */
bool head_check(struct head_buffer *buffer, const struct request *request, const char *version,
                struct reply *reply);

#endif
