/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_ACCEPT_H
#define SLUICE_GATEWAY_EVENT_ACCEPT_H

/* Turns a request into a confirmed event or a refusal. After the headers it finds the source and checks that
 * the broker accepts events. After the body it verifies the request, takes the id, encodes the envelope,
 * applies the rate limit and publishes, in this order. */

#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sources/source.h"

/* State of one request, on the stack of its thread. */
struct accept {
    struct routes *routes; /* a reference: a reload does not affect requests that have begun */
    struct source *source; /* of routes; NULL when none accepts the request */
};

/* Registers the counters of requests that failed verification, by cause. Before threads start. */
void accept_register(void);
/* Finds the request's source in the current routes. The caller calls accept_end in either case. False when no
 * source accepts the request; *reply says why. */
bool accept_begin(struct accept *accept, const struct request *request, struct reply *reply);
/* False, with *reply set, when no event can be published now: the broker accepts none, or GATEWAY_IN_FLIGHT
 * requests already wait. Call before the body is read, so that a request that would be refused costs no
 * memory. Any thread. */
bool accept_is_open(struct publishers *publishers, const struct load *load, struct reply *reply);
/* Call after accept_begin returned true. Publishes the event and waits for the broker's confirm, at most
 * GATEWAY_CONFIRM_TIMEOUT. Takes over the body and leaves it empty. Always sets *reply, which may hold views
 * into the routes; it is REPLY_QUEUED only after the confirm. */
void accept_event(const struct accept *accept, struct publishers *publishers, struct load *load,
                  const struct request *request, struct body *body, struct reply *reply);
/* Call when the reply has been written, which may hold views into the routes. Counts it for its source. */
void accept_end(struct accept *accept, enum reply_kind kind);

#endif
