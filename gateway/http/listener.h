/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_LISTENER_H
#define SLUICE_GATEWAY_HTTP_LISTENER_H

/* civetweb stops listening and closes its connections at once, in mg_stop. A connection that it accepts just
 * before would be reset, so the listening socket is closed first. */

#include <stdbool.h>
#include <stdint.h>

/* Closes this process's listening TCP socket on the port: its descriptor stays valid, and never becomes
 * readable. False: it wasn't found, or there was no descriptor for that. */
bool listener_close(uint16_t port);

#endif
