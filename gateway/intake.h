/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_INTAKE_H
#define SLUICE_GATEWAY_INTAKE_H

/* A whole request, head and body, becomes a confirmed event or a refusal: source,
 * verification, id, envelope, publish, in this order. */

#include "admission.h"
#include "publish.h"
#include "reply.h"
#include "request.h"

/* Waits for the broker's confirm, at most GATEWAY_CONFIRM_TIMEOUT. The body is taken over and left
 * empty. *reply is set in every case; REPLY_QUEUED only after the confirm. Any thread. */
void intake_event(struct publish *publish, struct admission *admission, const struct request *request,
                  struct buf *body, struct reply *reply);

#endif
