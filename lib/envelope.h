/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ENVELOPE_H
#define SLUICE_ENVELOPE_H

/* The wire format between gateway and worker. The message's body is the event's body, byte for byte, and its
 * routing key is the source. All else about the event is in the message's properties (AMQP 0-9-1, 4.2.6.1
 * and 4.2.5.5), which other programs can read with any AMQP client:
 *
 *   content_type     the request's, unless absent or longer than 255 bytes
 *   delivery_mode    2 (persistent)
 *   message_id       the event's id
 *   timestamp        seconds since 1970
 *   app_id           "sluice"
 *   headers          sluice-version   1; 2 with sluice-order, which workers of version 1 would leave out;
 *                                     3 when sluice-keep is "again", which earlier ones don't know
 *                    sluice-source    name of the source
 *                    sluice-keep      "newest" or "first"; "again": it is stored, and its triggers must run
 *                                     again (`sluice replay`)
 *                    sluice-method, sluice-path, sluice-query, sluice-remote
 *                    sluice-received  microseconds since 1970
 *                    sluice-attempt   number of retries so far
 *                    sluice-order     from version 2 on: the place of the event among those of its id
 *                    sluice-replayed  microseconds since 1970, when `sluice replay` sent it to a queue
 *                    sluice-traceparent  if the request had one
 *                    traceparent, tracestate  if the request had valid ones (lib/trace_context): where other
 *                                     programs' propagators look for them
 *                    sluice-headers   table: the request's kept headers
 * (lib/broker sets correlation_id, for the publisher's own use.)
 *
 * Workers read all released versions; tests/unit/golden has sample bytes of each. */

#include "buf.h"
#include "error.h"

#include <stdint.h>

#define ENVELOPE_VERSION 3 /* the highest that is read and written */

/* Limits of the format. The gateway checks them when it accepts an event. */
#define ENVELOPE_ID_MAX 255             /* an AMQP short string; well below a btree's limit of 2,700 bytes */
#define ENVELOPE_SOURCE_MAX 63          /* short enough for a routing key and a Postgres identifier */
#define ENVELOPE_HEADERS_MAX 64         /* civetweb keeps as many of a request */
#define ENVELOPE_HEADER_BYTES_MAX 16384 /* total of the kept headers' names and values */
#define ENVELOPE_TARGET_MAX 16384       /* of the path, and of the query */
#define ENVELOPE_CONTENT_TYPE_MAX 255
/* Of everything that envelope_encode appends: the sum of the limits of all members. The broker's frame_max
 * must hold it, because AMQP sends the properties of a message in one frame. */
#define ENVELOPE_PROPERTIES_MAX 51977

enum envelope_keep {
    ENVELOPE_KEEP_NEWEST,
    ENVELOPE_KEEP_FIRST,
    ENVELOPE_KEEP_AGAIN, /* version 3: the row that has just this version is touched; no other is changed */
};

struct envelope_header {
    struct span name;  /* lower case */
    struct span value; /* UTF-8 */
};

/* The spans are views: of the caller's memory when encoding, of the encoded bytes when decoding. */
struct envelope {
    struct span id;
    struct span source;
    struct span method;
    struct span path;
    struct span query; /* without the '?'; may be empty */
    struct span content_type;
    struct span remote;
    struct span traceparent; /* sluice-traceparent: the request's */
    struct span
        carried_parent; /* the headers traceparent and tracestate; empty: absent. Only valid ones are */
    struct span carried_state; /* encoded and decoded, and no state without a parent */
    enum envelope_keep keep;
    bool has_order;         /* from version 2 on */
    int64_t order;          /* sluice-order; the greatest wins; only with has_order */
    int64_t received_us;    /* since 1970 */
    int64_t attempt;        /* sluice-attempt */
    int64_t replayed_us;    /* sluice-replayed; 0: absent */
    int64_t delivery_count; /* the broker's x-delivery-count; 0 when absent; not encoded */
    struct span deaths;     /* the broker's x-death, an array (lib/field); empty when absent; not encoded */
    size_t header_count;
    struct envelope_header
        headers[ENVELOPE_HEADERS_MAX]; /* last: those beyond the count are left as they are */
};

/* The value of sluice-keep. */
const char *envelope_keep_name(enum envelope_keep keep);
/* Reads such a value. Returns false, with *keep unchanged, for any other. */
bool envelope_keep_read(struct span name, enum envelope_keep *keep);

/* True for ^[a-z0-9][a-z0-9-]{0,62}$. */
bool envelope_source_valid(struct span source);

/* Appends the encoded properties to out, in the lowest version that can hold them. ERROR_LIMIT or
 * ERROR_MALFORMED names the member that the format doesn't allow (an id that is empty or over 255 bytes, a
 * bad source, text that isn't UTF-8 or contains a NUL); ERROR_MEMORY. On error out is unchanged. Pure. */
MUST_CHECK enum error_code envelope_encode(const struct envelope *envelope, struct buf *out,
                                           struct error *error);

/* Reads what envelope_encode of any release wrote. Accepts what brokers do to it: reordered headers, other
 * integer types, headers of their own. The spans point into `properties`. ERROR_NEWER: the version is above
 * ENVELOPE_VERSION, so a later release wrote it and nothing else can be checked. ERROR_MALFORMED: it isn't an
 * envelope, since a member is missing, of the wrong type, over its limit or not UTF-8, or the version is
 * below 1. On error *envelope holds what was read so far. Pure; safe on any bytes. */
MUST_CHECK enum error_code envelope_decode(struct span properties, struct envelope *envelope,
                                           struct error *error);

/* Sets the carried members from traceparent and from the kept header tracestate, when they are valid. Appends
 * at most TRACE_STATE_MAX bytes to text, which must outlive the envelope; carried_state is a view into it. */
void envelope_carry_trace(struct envelope *envelope, struct buf *text);

/* Appends the kept headers as one JSON object of strings. */
void envelope_append_headers_json(const struct envelope *envelope, struct buf *out);

#endif
