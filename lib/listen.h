/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LISTEN_H
#define SLUICE_LISTEN_H

/* A listening TCP socket. */

#include "error.h"

#include <stdint.h>

/* Listens on address: host:port in the form that lib/config checks, IPv6 in brackets. Port 0 lets the kernel
 * pick one. [::] accepts IPv4 too. A name is resolved to its IPv4 address, which may block as long as the
 * system's resolver does. The caller owns *fd, which is non-blocking; *port is the actual port.
 * ERROR_SYSTEM: the address doesn't exist or is taken. */
MUST_CHECK enum error_code listen_on(const char *address, int *fd, uint16_t *port, struct error *error);

#endif
