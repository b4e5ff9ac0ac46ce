/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_FRAMES_H
#define SLUICE_FRAMES_H

/* Encodes a message to publish as AMQP frames (AMQP 0-9-1, 4.2.3 and 4.2.6): a method, a header and any
 * number of body frames. For lib/broker: the library would decode and encode the properties once more, and
 * write each frame by itself. Pure. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAMES_CHANNEL 1
#define FRAMES_OVERHEAD 8 /* bytes: type, channel, size and end of a frame */

struct frames_message {
    struct span exchange, routing_key; /* at most 255 bytes each */
    struct span properties;            /* encoded; a correlation_id in them is replaced */
    uint64_t body_len;
    uint64_t correlation; /* becomes the correlation_id */
};

/* Appends the frames of basic.publish, mandatory, and of the header. ERROR_MALFORMED when the properties
 * can't be read; out is then unchanged. */
MUST_CHECK enum error_code frames_begin(const struct frames_message *message, struct buf *out,
                                        struct error *error);
/* Appends a body frame with the next bytes of the body: together body_len, each at most the connection's
 * frame_max - FRAMES_OVERHEAD, none empty. */
void frames_body(struct span bytes, struct buf *out);

#endif
