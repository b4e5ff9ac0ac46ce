/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_EVENT_LINES_H
#define SLUICE_GATEWAY_EVENT_EVENT_LINES_H

/* The gateway's log lines of an event: `received`, then `queued` or `not-queued`; and `summary`, which counts
 * the events that LOG_MESSAGES leaves without (lib/log_messages). An event is slow when its confirm took
 * LOG_MESSAGES_SLOW_US. Any thread. */

#include "event_id.h"
#include "gateway/reply.h"
#include "gateway/request.h"

/* One event, on the stack of its thread. */
struct event_lines {
    const struct request *request;
    struct span source;
    const struct event_id *id;
    int64_t begun_us; /* monotonic */
    size_t bytes;
    bool own; /* it has lines of its own */
};

/* The event goes on to the broker. The request and the other arguments must outlive *lines. */
void event_lines_begin(struct event_lines *lines, const struct request *request, struct span source,
                       const struct event_id *id, size_t bytes);
/* What became of it. */
void event_lines_end(const struct event_lines *lines, enum outcome outcome);
/* Logs what ended without lines of its own since the last call, if anything did. One thread, about once a
 * second. */
void event_lines_sum_up(void);

#endif
