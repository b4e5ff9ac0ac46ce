/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TRACE_CONTEXT_H
#define SLUICE_TRACE_CONTEXT_H

/* The headers traceparent and tracestate of W3C Trace Context, level 2. Sluice takes no part in a trace: it
 * passes both on unchanged, or not at all, and never makes one. Pure; safe on any bytes. */

#include "buf.h"
#include "log.h"

#define TRACE_PARENT_MAX 255 /* of a future version; version 00 has 55 bytes */
#define TRACE_STATE_MAX 512  /* what a tracestate is shortened to (3.3.1.5) */

/* True for version 00 (00-<32 hex>-<16 hex>-<2 hex>, lower case, neither id all zeros), and for what a future
 * version may look like: the same, and then nothing or '-' and any text. Version ff is invalid. */
bool trace_parent_is_valid(struct span traceparent);
/* The field trace_id of a log line, or the end of its fields when the traceparent is not valid: it must be
 * the last field. A view. */
struct log_field trace_field(struct span traceparent);
/* True for a list of 1 to 32 key=value members in at most TRACE_STATE_MAX bytes. */
bool trace_state_is_valid(struct span tracestate);
/* Appends the tracestate as it is when it has at most TRACE_STATE_MAX bytes. Otherwise, as 3.3.1.5 says,
 * members of more than 128 bytes are left out, and then members at the end, until it fits. False, with
 * nothing appended, when it isn't a list of 1 to 32 key=value members, or there is no memory. */
bool trace_state_append(struct span tracestate, struct buf *out);

#endif
