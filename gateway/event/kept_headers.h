/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_KEPT_HEADERS_H
#define SLUICE_GATEWAY_EVENT_KEPT_HEADERS_H

/* Which headers of a request stay with its event: all but hop-by-hop ones
 * (RFC 9110, 7.6.1), Authorization, Cookie, Proxy-*, what the source's verification reads, and
 * those whose name speaks of a secret (token, secret, password, api-key, apikey,
 * signature). Names in lower case, values from Latin-1 to UTF-8, those of one name joined
 * by ", ". Pure. */

#include "envelope.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/verify/verify.h"

/* Sets the envelope's headers, content_type and (when well-formed: W3C Trace Context,
 * version 00) traceparent, as views into `text`, which must outlive them and is empty before.
 * False with REPLY_HEADERS: more than ENVELOPE_HEADER_BYTES_MAX in all; with REPLY_MEMORY. */
bool kept_headers_select(const struct request *request, const struct verify_rule *rule, struct buf *text,
                         struct envelope *envelope, struct reply *reply);

#endif
