/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_PROPERTIES_H
#define SLUICE_PROPERTIES_H

/* Reads the encoded properties of an AMQP message (AMQP 0-9-1, 4.2.6.1), and strips what brokers added to
 * them. For lib/envelope. Pure; safe on any bytes. */

#include "buf.h"
#include "error.h"

/* Presence bits of AMQP's basic properties, in the order of the fields. */
enum property {
    PROPERTY_CONTENT_TYPE = 1 << 15,
    PROPERTY_CONTENT_ENCODING = 1 << 14,
    PROPERTY_HEADERS = 1 << 13,
    PROPERTY_DELIVERY_MODE = 1 << 12,
    PROPERTY_PRIORITY = 1 << 11,
    PROPERTY_CORRELATION_ID = 1 << 10,
    PROPERTY_REPLY_TO = 1 << 9,
    PROPERTY_EXPIRATION = 1 << 8,
    PROPERTY_MESSAGE_ID = 1 << 7,
    PROPERTY_TIMESTAMP = 1 << 6,
    PROPERTY_APP_ID = 1 << 3,
    PROPERTY_MORE_FLAGS = 1 << 0,
};

/* The spans are views into the encoded bytes. For an absent property they are empty, but not NULL. */
struct properties {
    unsigned flags; /* bits of enum property */
    struct span content_type;
    struct span headers; /* a table (lib/field) */
    struct span message_id;
};

/* Reads the properties into *parts. ERROR_MALFORMED when they are truncated or have unknown flags; *parts
 * then holds what was read so far. */
MUST_CHECK enum error_code properties_read(struct span encoded, struct properties *parts,
                                           struct error *error);

/* Appends the properties to out without the headers that brokers add (x-death, x-delivery-count and the
 * like). All else is kept byte for byte, but a header table that would be empty is left out. For republishing
 * a message unchanged, whoever published it: RabbitMQ 3.10 takes a message with x-death for a cycle and drops
 * it. ERROR_MALFORMED when the properties can't be read, or ERROR_MEMORY; out is then unchanged. */
MUST_CHECK enum error_code properties_strip(struct span encoded, struct buf *out, struct error *error);

#endif
