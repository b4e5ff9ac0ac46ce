/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_LISTENER_H
#define SLUICE_GATEWAY_HTTP_LISTENER_H

/* The socket on which civetweb accepts connections. Civetweb takes no socket from us, and Debian's does not
 * speak IPv6: it listens on some port of loopback (LISTENER_CIVETWEB), and our socket then takes the place of
 * that one. At the end a descriptor that is never ready takes the place, because mg_stop would close all
 * connections as well. */

#include "error.h"

#include <stdint.h>

#define LISTENER_CIVETWEB "127.0.0.1:0"

/* The descriptor that listens on a port; -1: none. */
int listener_find(uint16_t port);
/* Puts `socket` into the place of descriptor `listener`, and closes the original. socket -1: one that is
 * never ready. ERROR_SYSTEM: `listener` is as before. */
MUST_CHECK enum error_code listener_replace(int listener, int socket, struct error *error);

#endif
