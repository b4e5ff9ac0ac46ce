/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_CHALLENGE_H
#define SLUICE_GATEWAY_VERIFY_CHALLENGE_H

/* Some providers verify a new endpoint with a challenge before they send events to it. The gateway answers it
 * and queues nothing. It echoes only a challenge of at most CHALLENGE_TEXT_MAX safe characters. These are the
 * challenges that belong to a scheme; a source may declare another: see gateway/verify/declared_challenge.
 * Pure. */

#include "gateway/event/body_text.h"
#include "gateway/reply.h"
#include "verify.h"

enum challenge_outcome {
    CHALLENGE_NONE,     /* the request is not a challenge */
    CHALLENGE_ANSWERED, /* *reply is set: the answer, or why there is none */
    CHALLENGE_REFUSED,  /* it is not from the provider: *reply is set as for any unverified request */
};

/* Call before verification: handles Meta's GET with hub.mode=subscribe, which is authenticated by
 * hub.verify_token. Any thread. */
enum challenge_outcome challenge_begin(const struct verify_rule *rule, const struct request *request,
                                       struct reply *reply);
/* Call after verification: handles Slack's url_verification, Zoom's endpoint.url_validation and, in the
 * scheme ed25519 with Discord's header, its PING. key is verify_key's result; it signs the answer to Zoom.
 * Only for these three schemes it reads the body's text. Any thread. */
enum challenge_outcome challenge_answer(const struct verify_rule *rule, const struct secret_key *key,
                                        struct body_text *body, struct reply *reply);

#endif
