/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CONTENT_H
#define SLUICE_CONTENT_H

/* A message on its way in, put together from its frames (AMQP 0-9-1, 4.2.6): a method, a header, and as
 * many pieces of body as it takes. For lib/broker. Pure. */

#include "broker.h"

#include <stdbool.h>
#include <stdint.h>

enum content_kind { CONTENT_NONE, CONTENT_OF_DELIVERY, CONTENT_OF_RETURN };

/* Zero-initialise. */
struct content {
    enum content_kind kind;           /* what the next frame belongs to */
    uint64_t left;                    /* body bytes still to come */
    uint64_t returned;                /* correlation of the message being returned */
    struct broker_delivery *delivery; /* being read; NULL until its header came; owned */
    uint64_t tag;
    bool redelivered;
    char routing_key[256];
    size_t routing_key_len;
};

/* A delivery begins; routing_key: at most 255 bytes, copied. */
void content_begin_delivery(struct content *c, uint64_t tag, bool redelivered, struct span routing_key);
/* A returned message begins: only its correlation is kept. */
void content_begin_return(struct content *c);
/* The header, and a piece of the body. True when *event is whole: BROKER_DELIVERY (its delivery is the
 * caller's from there on), BROKER_RETURNED, or BROKER_CLOSED with the reason in *error, since the broker has
 * sent too much or there is no memory. What belongs to nothing is passed over. */
MUST_CHECK bool content_header(struct content *c, struct span properties, uint64_t body_size,
                               uint64_t correlation, struct broker_event *event, struct error *error);
MUST_CHECK bool content_body(struct content *c, struct span fragment, struct broker_event *event,
                             struct error *error);
/* Frees what is being read. */
void content_free(struct content *c);

#endif
