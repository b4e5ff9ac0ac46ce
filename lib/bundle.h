/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BUNDLE_H
#define SLUICE_BUNDLE_H

/* Several events in one message, which costs the broker hardly more than one (GATEWAY_BUNDLE_EVENTS). They
 * have one source, which is the routing key. The message's properties:
 *
 *   content_type     application/vnd.sluice.bundle
 *   delivery_mode    2 (persistent)
 *   message_id       that of the first event
 *   app_id           "sluice"
 *   headers          sluice-version   4: a worker that can't read bundles takes it for an envelope of a
 *                                     later release, and leaves it to one that can
 *                    sluice-bundle    number of events; no envelope of one event has this header, whatever
 *                                     its sender says, so nobody outside can send a bundle
 *
 * The body: a byte with the version of this format (1), then each event: 4 bytes with the length of its
 * properties, these (lib/envelope), 4 bytes with the length of its body, the body. Big-endian. Pure. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

#define BUNDLE_VERSION 1
#define BUNDLE_EVENTS_MAX 256
/* Of the body. With its frame's header and the broker's default frame_max (128 KiB) it is one frame, and an
 * event that fills more than this alone has little to gain. */
#define BUNDLE_BYTES_MAX ((size_t)96 * 1024)

/* The bytes that an event takes in a bundle's body. */
size_t bundle_record_size(struct span properties, struct span body);
/* Begins an empty body. */
void bundle_begin(struct buf *body);
/* Appends an event. The caller keeps to BUNDLE_EVENTS_MAX and BUNDLE_BYTES_MAX. */
void bundle_append(struct buf *body, struct span properties, struct span event_body);
/* Appends the properties of a bundle of so many events; first: the properties of the first one. */
void bundle_properties(struct span first, size_t events, struct buf *out);

/* True when a message with these properties is a bundle of any version. Safe on any bytes. */
bool bundle_is(struct span properties);

/* A bundle that is being read. The spans are views into the message. */
struct bundle {
    struct span records;    /* what is left to read */
    int64_t events;         /* that its properties tell */
    int64_t delivery_count; /* the broker's x-delivery-count; 0 when absent */
    struct span deaths;     /* the broker's x-death, as in struct envelope */
};

/* Begins to read a bundle. Checks the whole of it, so that bundle_next can't fail: it has at least one event.
 * ERROR_NEWER: a later release wrote it. ERROR_MALFORMED: its lengths don't add up, it has no event or more
 * than BUNDLE_EVENTS_MAX, or not as many as its properties say. Safe on any bytes. */
MUST_CHECK enum error_code bundle_open(struct bundle *bundle, struct span properties, struct span body,
                                       struct error *error);
/* Takes the next event, as views into the body; false at the end. */
bool bundle_next(struct bundle *bundle, struct span *properties, struct span *body);

#endif
