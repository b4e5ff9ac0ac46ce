/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_HEAD_H
#define SLUICE_GATEWAY_HTTP_HEAD_H

/* Reads a request's head: its request line and its headers, up to the empty line (RFC 9112, 2 to 5; RFC 9110,
 * 5). Strict: a head that two readers could end at different bytes, or could read differently, is refused.
 * Pure. */

#include "gateway/reply.h"
#include "gateway/request.h"

/* How far a head has been scanned for its end. Zero-initialise. */
struct head_scan {
    size_t at;   /* bytes scanned; the head's length once head_is_complete has returned true */
    size_t line; /* where the line begins that is being scanned */
};

/* The number of bytes of empty lines at the beginning, which are no part of a head (RFC 9112, 2.2). */
size_t head_empty_lines(struct span bytes);
/* Goes on with the scan. bytes: all that has arrived of the head, and perhaps more; it must begin with the
 * same bytes in each call, and not with an empty line. True when the head is complete, or when its beginning
 * shows that head_parse will refuse it: then waiting for the rest is pointless. */
bool head_is_complete(struct head_scan *scan, struct span bytes);
/* Sets method, target, version, and headers of *request, as views into the head, and host from the target or
 * Host. False: *reply says why; then only the method is set, if it could be read. most: limit of the names
 * and values of all headers together, in bytes. */
bool head_parse(struct span head, int64_t most, struct request *request, struct reply *reply);

#endif
