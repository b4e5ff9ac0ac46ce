/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_LISTENER_H
#define SLUICE_GATEWAY_HTTP_LISTENER_H

/* Closes the listening socket before civetweb stops. mg_stop stops listening and closes all connections at
 * the same time, so a connection that was accepted just before would be reset. */

#include <stdbool.h>
#include <stdint.h>

/* Closes this process's listening TCP socket on the port. The descriptor stays valid, because civetweb polls
 * it, and never becomes readable. False when the socket was not found, or no descriptor was free. */
bool listener_close(uint16_t port);

#endif
