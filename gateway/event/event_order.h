/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_EVENT_ORDER_H
#define SLUICE_GATEWAY_EVENT_EVENT_ORDER_H

/* An event's place among those of its id, as its sender tells it: the greatest is kept, whenever it arrives.
 */

#include "body_text.h"
#include "gateway/reply.h"
#include "gateway/request.h"

#include <stdint.h>

enum event_order_kind {
    EVENT_ORDER_NONE, /* the source names none: the latest arrival is kept */
    EVENT_ORDER_HEADER,
    EVENT_ORDER_POINTER, /* a JSON pointer (RFC 6901) into the body */
};

struct event_order_rule {
    enum event_order_kind kind;
    char *text; /* the header's name in lower case, or the pointer; else NULL */
};

struct event_order {
    bool found;
    int64_t value;
};

/* Call before the id is taken: the pointer is then read in the same pass over the body as the id's. */
void event_order_begin(const struct event_order_rule *rule, struct body_text *body);
/* Reads the order. It is found when it is an integer of 64 bits, as a number without fraction and exponent or
 * as text, or an RFC 3339 time, which becomes microseconds since 1970. Anything else is no order: an absent
 * value, a header that came twice, a key that is in the body twice, a body that can't be read. False with
 * REPLY_MEMORY: there is no memory to read it, so the event must come again. */
bool event_order_take(const struct event_order_rule *rule, const struct request *request,
                      struct body_text *body, struct event_order *order, struct reply *reply);

#endif
