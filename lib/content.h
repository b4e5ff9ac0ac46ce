/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CONTENT_H
#define SLUICE_CONTENT_H

/* Assembles an incoming message from its frames (AMQP 0-9-1, 4.2.6): a method, a header and any number of
 * body frames. For lib/broker, and for bundles. Pure. */

#include "broker.h"

#include <stdbool.h>
#include <stdint.h>

enum content_kind { CONTENT_NONE, CONTENT_OF_DELIVERY, CONTENT_OF_RETURN };

/* Zero-initialise. */
struct content {
    enum content_kind kind;           /* of the message that the next frame belongs to */
    uint64_t left;                    /* body bytes still to come */
    uint64_t returned;                /* correlation of the message being returned */
    struct broker_delivery *delivery; /* being assembled; NULL before its header; owned */
    uint64_t tag;
    bool redelivered;
    char routing_key[256];
    size_t routing_key_len;
};

/* A delivery begins. routing_key is copied, up to 255 bytes. */
void content_begin_delivery(struct content *c, uint64_t tag, bool redelivered, struct span routing_key);
/* A returned message begins. Only its correlation is kept. */
void content_begin_return(struct content *c);
/* Take a header frame and a body frame. True when *event is complete: BROKER_DELIVERY (the caller then owns
 * the delivery), BROKER_RETURNED, or BROKER_CLOSED with the reason in *error: the broker sent too many bytes,
 * or there is no memory. Frames outside a message are ignored. */
MUST_CHECK bool content_header(struct content *c, struct span properties, uint64_t body_size,
                               uint64_t correlation, struct broker_event *event, struct error *error);
MUST_CHECK bool content_body(struct content *c, struct span fragment, struct broker_event *event,
                             struct error *error);
/* A delivery of its own for one part of the body of another: with its tag and routing key, and with copies of
 * these properties and bytes. The caller owns it. NULL for lack of memory. */
struct broker_delivery *content_part(const struct broker_delivery *whole, struct span properties,
                                     struct span body);
/* Frees a partly assembled delivery. */
void content_free(struct content *c);

#endif
