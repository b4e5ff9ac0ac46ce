/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PATIENCE_H
#define SLUICE_GATEWAY_PATIENCE_H

/* The end of patience with slow senders. civetweb waits for the next byte of a body,
 * not for the whole: a sender of one byte every 4 s would hold a thread for days. Whoever reads a
 * body says until when; when that has passed, a thread of its own shuts the connection's
 * reading side, so that the reader comes back with what it has, and can still reply.
 * civetweb hides its sockets: they are found by the peer's address among the process's own. */

#include "error.h"

#include <stdint.h>

/* One wait, on the reader's stack. */
struct patience_watch {
    const char *peer; /* address as text, as getpeername and inet_ntop give it */
    uint16_t peer_port, own_port;
    int64_t until_us; /* monotonic */
    struct patience_watch *next, *previous;
};

/* One per process. Before civetweb's threads start. */
MUST_CHECK enum error_code patience_start(struct error *error);
/* From here until patience_end the watch belongs to this module, and the connection must
 * stay open. Any thread. */
void patience_begin(struct patience_watch *watch);
void patience_end(struct patience_watch *watch);
void patience_stop(void);

#endif
