/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LISTEN_H
#define SLUICE_LISTEN_H

/* A listening TCP socket. */

#include "error.h"

#include <stdint.h>

/* Listens on address (host:port as config checks it, IPv6 in brackets; port 0: the kernel picks). [::] takes
 * IPv4 as well. A name stands for its IPv4 address; looking it up may take as long as the system's resolver
 * does. *fd is the caller's, non-blocking; *port is the real one. ERROR_SYSTEM: no such address, or it can't
 * be had. */
MUST_CHECK enum error_code listen_on(const char *address, int *fd, uint16_t *port, struct error *error);

#endif
