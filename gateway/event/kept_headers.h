/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_KEPT_HEADERS_H
#define SLUICE_GATEWAY_EVENT_KEPT_HEADERS_H

/* Selects the headers of a request that are stored with its event: all except hop-by-hop headers (RFC 9110,
 * 7.6.1), Authorization, Cookie, Proxy-*, headers that the source's verification reads, and headers whose
 * name contains token, secret, password, api-key, apikey or signature. Names become lower case, values are
 * converted from Latin-1 to UTF-8, and the values of one name are joined by ", ". Pure. */

#include "envelope.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/verify/verify.h"

/* Sets the envelope's headers, content_type, traceparent (when valid: lib/trace_context) and carried members,
 * as views into `text`, which must be empty before and outlive them. False with REPLY_HEADERS when they
 * exceed ENVELOPE_HEADER_BYTES_MAX in total, or with REPLY_MEMORY. */
bool kept_headers_select(const struct request *request, const struct verify_rule *rule, struct buf *text,
                         struct envelope *envelope, struct reply *reply);

#endif
