/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_CHALLENGE_H
#define SLUICE_GATEWAY_VERIFY_CHALLENGE_H

/* Some providers ask a new address whether it is theirs before they send events there: the gateway
 * answers by itself, and queues nothing. Only a text of at most CHALLENGE_TEXT_MAX harmless characters
 * is given back. Pure. */

#include "gateway/reply.h"
#include "verify.h"

#define CHALLENGE_TEXT_MAX 256

enum challenge_outcome {
    CHALLENGE_NONE,     /* the request is no challenge */
    CHALLENGE_ANSWERED, /* *reply is set: the answer, or why there is none */
    CHALLENGE_REFUSED,  /* it isn't from the provider: *reply is set, as for any unverified request */
};

/* Before verification: Meta's GET with hub.mode=subscribe, which proves itself by hub.verify_token. Any
 * thread, both. */
enum challenge_outcome challenge_begin(const struct verify_rule *rule, const struct request *request,
                                       struct reply *reply);
/* After verification: Slack's url_verification, Zoom's endpoint.url_validation. key: see verify_key;
 * Zoom's answer is made with it. */
enum challenge_outcome challenge_answer(const struct verify_rule *rule, const struct secret_key *key,
                                        struct span body, struct reply *reply);

#endif
