/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_TARGET_H
#define SLUICE_GATEWAY_HTTP_TARGET_H

/* Reads a request's target (RFC 9112, 3.2) and the host that it was sent to. Pure. */

#include "gateway/reply.h"
#include "gateway/request.h"

/* The path of a request about the whole server: "OPTIONS *". Such a request has no source. */
#define TARGET_SERVER "*"

/* Sets path, query and host of a request whose method and headers are set. The target is a path, or a URL,
 * whose host then counts instead of Host, or "*". False: *reply says why; a missing, doubled or malformed
 * Host is one of the reasons. */
bool target_read(struct span target, struct request *request, struct reply *reply);

#endif
