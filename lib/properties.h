/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_PROPERTIES_H
#define SLUICE_PROPERTIES_H

/* The properties of an AMQP message as encoded bytes (AMQP 0-9-1, 4.2.6.1): which are there, where they lie,
 * and the same without what brokers add. For lib/envelope. Pure; safe on any bytes. */

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

/* Views into the encoded bytes; empty, never NULL, where a property is absent. */
struct properties {
    unsigned flags; /* of enum property */
    struct span content_type;
    struct span headers; /* a table (lib/field) */
    struct span message_id;
};

/* ERROR_MALFORMED when they are cut short or of an unknown form; what was read by then is in *parts. */
MUST_CHECK enum error_code properties_read(struct span encoded, struct properties *parts,
                                           struct error *error);

/* Appends the properties without the headers that brokers add on the way (x-death, x-delivery-count and the
 * like), all else byte for byte (no headers at all instead of none left): for a message that goes on as it
 * is, whatever wrote it. RabbitMQ 3.10 would drop one that carries x-death as a cycle. ERROR_MALFORMED when
 * they can't be read, ERROR_MEMORY; out is then as it was. */
MUST_CHECK enum error_code properties_strip(struct span encoded, struct buf *out, struct error *error);

#endif
