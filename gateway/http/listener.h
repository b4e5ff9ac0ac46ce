/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_LISTENER_H
#define SLUICE_GATEWAY_HTTP_LISTENER_H

/* The socket on which civetweb accepts connections. Civetweb takes no socket from us, and Debian's does not
 * speak IPv6. So the gateway defines listen: civetweb binds a socket to some port of loopback
 * (LISTENER_CIVETWEB), which never listens, and ours takes its place. At the end a descriptor that is never
 * ready takes the place, because mg_stop would close all connections as well. */

#include "error.h"

#define LISTENER_CIVETWEB "127.0.0.1:0"

/* The next call of listen on this thread is civetweb's: it succeeds, but does nothing. */
void listener_expect(void);
/* Puts our socket, which listens, into the place of that call's, and closes the original. *listener: the
 * descriptor. Call on the same thread, when civetweb has started. (Until now its accepting thread has polled
 * a socket that never waits.) */
MUST_CHECK enum error_code listener_begin(int socket, int *listener, struct error *error);
/* Nobody can connect from now on. ERROR_SYSTEM: it still listens. */
MUST_CHECK enum error_code listener_end(int listener, struct error *error);

#endif
