/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_DECLARED_H
#define SLUICE_CTL_SEND_DECLARED_H

/* What a request holds besides the signature itself, as a rule of the scheme hmac declares it. The gateway's
 * own modules then build the signed content from that request. */

#include "sign.h"

/* Adds what the declaration reads: the time in its header, replacing any; the id and the other signed headers
 * unless they are there. False when out of memory. */
MUST_CHECK bool declared_headers(const struct declaration *declaration, const struct sign_event *event,
                                 cJSON *headers);
/* Appends the text before the signature in its header: "t=1614265330,v1=", "v1=", or the prefix. Check
 * out->failed. */
void declared_mark(const struct verify_rule *rule, int64_t now_s, struct buf *out);

#endif
