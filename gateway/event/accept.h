/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_ACCEPT_H
#define SLUICE_GATEWAY_EVENT_ACCEPT_H

/* A request becomes a confirmed event or a refusal. After its head: the source, and whether an event could go
 * on to the broker at all. After its body: verification, id, envelope, rate, publish, in this order. */

#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sources/source.h"

/* One request's, on its thread's stack. */
struct accept {
    struct routes *routes; /* held: a reload doesn't touch requests that have begun */
    struct source *source; /* of routes; NULL: none takes the request */
};

/* Registers the counters of requests that verification refused, by cause. Before threads start. */
void accept_register(void);
/* Finds the source, under the routes in force; to be ended by accept_end in either case. False: *reply says
 * why no source takes it. */
bool accept_begin(struct accept *accept, const struct request *request, struct reply *reply);
/* False: no event can go on now, as the broker takes none or as many wait for it as may: *reply says so.
 * Asked before a body is read: one that would be refused costs no memory. Any thread. */
bool accept_is_open(struct publishers *publishers, const struct load *load, struct reply *reply);
/* After accept_begin was true. Waits for the broker's confirm, at most GATEWAY_CONFIRM_TIMEOUT. The body is
 * taken over and left empty. *reply is set in every case, and may view into the routes; REPLY_QUEUED only
 * after the confirm. */
void accept_event(const struct accept *accept, struct publishers *publishers, struct load *load,
                  const struct request *request, struct buf *body, struct reply *reply);
/* When the reply is written. */
void accept_end(struct accept *accept);

#endif
