/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ENVELOPE_H
#define SLUICE_ENVELOPE_H

/* The wire format between gateway and worker: everything about an event but its
 * body, as the properties of an AMQP message (AMQP 0-9-1, 4.2.6.1 and 4.2.5.5).
 * The body is the message's body, byte for byte; the source is the routing key too.
 * Other programs read it with any AMQP client:
 *
 *   content_type     the request's, when it has one of at most 255 bytes
 *   delivery_mode    2 (persistent)
 *   message_id       the event's id
 *   timestamp        seconds since 1970
 *   app_id           "sluice"
 *   headers          sluice-version   1
 *                    sluice-source    name of the source
 *                    sluice-keep      "newest" or "first"
 *                    sluice-method, sluice-path, sluice-query, sluice-remote
 *                    sluice-received  microseconds since 1970
 *                    sluice-attempt   0, or how many retries it has had
 *                    sluice-traceparent  when the request had one
 *                    sluice-headers   table: the request's kept headers
 * (correlation_id is the publisher's own and set by lib/broker.)
 *
 * Golden bytes of every version ever released are in tests/unit/golden; a
 * worker reads all of them. */

#include "buf.h"
#include "error.h"

#include <stdint.h>

#define ENVELOPE_VERSION 1

/* Limits of the format; the gateway checks them on the way in. */
#define ENVELOPE_ID_MAX 255             /* AMQP's short string, and well under a btree's 2,700 bytes */
#define ENVELOPE_SOURCE_MAX 63          /* a routing key and a name in psql */
#define ENVELOPE_HEADERS_MAX 64         /* as many as civetweb keeps of a request */
#define ENVELOPE_HEADER_BYTES_MAX 16384 /* names and values of the kept headers together */
#define ENVELOPE_TARGET_MAX 16384       /* path, query: each */
#define ENVELOPE_CONTENT_TYPE_MAX 255

enum envelope_keep { ENVELOPE_KEEP_NEWEST, ENVELOPE_KEEP_FIRST };

struct envelope_header {
    struct span name;  /* lower case */
    struct span value; /* UTF-8 */
};

/* Spans are views: into the caller's memory when encoding, into the decoded
 * bytes when decoding. */
struct envelope {
    struct span id;
    struct span source;
    struct span method;
    struct span path;
    struct span query; /* without '?'; empty when there is none */
    struct span content_type;
    struct span remote;
    struct span traceparent;
    enum envelope_keep keep;
    int64_t received_us;    /* since 1970 */
    int64_t attempt;        /* sluice-attempt */
    int64_t delivery_count; /* x-delivery-count; the broker's; 0 when absent; not encoded */
    struct span deaths;     /* x-death, an array (lib/field); likewise, empty when absent */
    struct envelope_header headers[ENVELOPE_HEADERS_MAX];
    size_t header_count;
};

/* True for ^[a-z0-9][a-z0-9-]{0,62}$. */
bool envelope_source_valid(struct span source);

/* Appends the encoded properties to out. ERROR_LIMIT or ERROR_MALFORMED names a
 * member that doesn't fit the format (id empty or over 255 bytes, a bad source, text that isn't
 * UTF-8 without NUL); out is then as it was. Pure. */
MUST_CHECK enum error_code envelope_encode(const struct envelope *envelope, struct buf *out,
                                           struct error *error);

/* Reads what envelope_encode wrote, of any released version, and as brokers
 * pass it on: in another order, with other integer types, with headers of their
 * own among them. Views point into `properties`. ERROR_NEWER when its version is above ENVELOPE_VERSION:
 * a later release wrote it, and nothing else of it can be judged. ERROR_MALFORMED when it is no
 * envelope: a member missing, of another type, over a limit, not UTF-8; a version below 1. What was read by
 * then is in *envelope.
 * Pure; safe on any bytes. */
MUST_CHECK enum error_code envelope_decode(struct span properties, struct envelope *envelope,
                                           struct error *error);

/* Appends the kept headers as one JSON object of strings. */
void envelope_append_headers_json(const struct envelope *envelope, struct buf *out);

#endif
