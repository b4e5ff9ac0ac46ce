/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_ACCEPT_H
#define SLUICE_GATEWAY_EVENT_ACCEPT_H

/* A request becomes a confirmed event or a refusal, in two steps: after its head the source is
 * found, after its body come verification, rate, id, envelope, publish, in this order. */

#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sources/source.h"

/* One request's, on its thread's stack. */
struct intake {
    struct routes *routes; /* held: a reload doesn't touch requests that have begun */
    struct source *source; /* of routes; NULL: none takes the request */
};

/* Registers the counters of requests that verification refused, by cause. Before threads start. */
void intake_register(void);
/* Finds the source, under the routes in force; to be ended by intake_end in either case. False: *reply says
 * why no source takes it. */
bool intake_begin(struct intake *intake, const struct request *request, struct reply *reply);
/* After intake_begin was true. Waits for the broker's confirm, at most GATEWAY_CONFIRM_TIMEOUT. The body is
 * taken over and left empty. *reply is set in every case, and may view into the routes; REPLY_QUEUED only
 * after the confirm. */
void intake_event(const struct intake *intake, struct publishers *publishers, struct admission *admission,
                  const struct request *request, struct buf *body, struct reply *reply);
/* When the reply is written. */
void intake_end(struct intake *intake);

#endif
