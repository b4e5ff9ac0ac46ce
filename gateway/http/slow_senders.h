/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_SLOW_SENDERS_H
#define SLUICE_GATEWAY_HTTP_SLOW_SENDERS_H

/* Frees threads that wait for senders. A thread of this module shuts down the reading side of connections:
 * the thread that reads gets what has arrived so far and can still reply.
 *
 * Crowded: while connections wait for a thread, connections that are idle or too slow (see pace) are cut,
 * except those whose request has arrived in full. A connection holds a thread from open to close, and may be
 * silent for seconds, so a thousand silent ones would delay every other sender that long.
 *
 * Civetweb does not expose its sockets: this module finds them among the process's descriptors by their port.
 */

#include "error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A request that is being served. */
struct slow_senders_watch {
    int descriptor; /* of its connection */
    /* Private to this module: */
    atomic_bool awaits; /* bytes from the sender */
    atomic_bool crowded_out;
    struct slow_senders_watch *next, *previous;
};

/* Before threads start. */
void slow_senders_register(void);
/* Starts the thread; one per process. port: the listener's; threads: how many connections are served at once.
 * ERROR_SYSTEM. */
MUST_CHECK enum error_code slow_senders_start(uint16_t port, int threads, struct error *error);
/* Begins to watch the request's connection. Until slow_senders_end the watch belongs to this module, the
 * connection must stay open. Any thread. */
void slow_senders_begin(struct slow_senders_watch *watch);
/* Bytes are awaited from the sender. Only the watch's thread. */
void slow_senders_expect(struct slow_senders_watch *watch);
/* No bytes are awaited from now on. A connection that has been cut stays cut. Only the watch's thread. */
void slow_senders_rest(struct slow_senders_watch *watch);
/* True when the connection was cut because others waited for a thread. */
bool slow_senders_ended_for_others(const struct slow_senders_watch *watch);
/* The same for a connection that was cut when it had no watch. Any thread. */
bool slow_senders_ended_head_for_others(int descriptor);
void slow_senders_end(struct slow_senders_watch *watch);
/* Cuts every connection that waits for its sender: for the end of the process. */
void slow_senders_cut_all(void);
/* Ends the thread. Safe when slow_senders_start failed or was never called. */
void slow_senders_stop(void);

#endif
