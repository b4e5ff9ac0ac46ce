/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_SLOW_SENDERS_H
#define SLUICE_GATEWAY_HTTP_SLOW_SENDERS_H

/* The end of patience with slow senders, by a thread of its own that shuts the reading side of their
 * connections: whoever reads comes back with what there is, and can still reply.
 *
 * Late: civetweb waits for the next byte of a body, not for the whole, and a sender of one byte every 4 s
 * would hold a thread for days. Whoever reads a body says until when.
 *
 * Crowded: while connections wait for a thread, those that are idle or too slow (pace) are let go, but for
 * requests that have come whole. A connection holds a thread from its first to its last moment, and civetweb
 * lets each be silent for seconds: a thousand of them would keep everyone else from an answer for as long.
 *
 * civetweb hides its sockets: they are found by their addresses among the process's own. */

#include "error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A request that is being served, by whom it came. */
struct slow_senders_watch {
    const char *peer; /* address as text, as getpeername and inet_ntop give it */
    uint16_t peer_port;
    /* The module's own: */
    _Atomic int64_t until_us; /* monotonic; 0: nobody waits for the sender */
    atomic_bool crowded_out;
    struct slow_senders_watch *next, *previous;
};

/* Before threads start. */
void slow_senders_register(void);
/* One per process. port: where senders connect; threads: how many of them are served at once. */
MUST_CHECK enum error_code slow_senders_start(uint16_t port, int threads, struct error *error);
/* From here until slow_senders_end the watch belongs to this module, and the connection must stay open. Its
 * peer must live as long. Any thread. */
void slow_senders_begin(struct slow_senders_watch *watch);
/* The sender is waited for, until until_us (monotonic) at the latest. The watch's thread. */
void slow_senders_expect(struct slow_senders_watch *watch, int64_t until_us);
/* The sender isn't waited for any more; what was cut until then stays cut. The watch's thread. */
void slow_senders_rest(struct slow_senders_watch *watch);
/* The sender was let go for the sake of others. */
bool slow_senders_ended_for_others(const struct slow_senders_watch *watch);
/* The same of a connection that has no watch, in the last seconds. */
bool slow_senders_ended_head_for_others(const char *peer, uint16_t peer_port);
void slow_senders_end(struct slow_senders_watch *watch);
/* Also after a slow_senders_start that failed, or none. */
void slow_senders_stop(void);

#endif
