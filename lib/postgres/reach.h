/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LIB_POSTGRES_REACH_H
#define SLUICE_LIB_POSTGRES_REACH_H

/* Connects to the servers of a database URL. Looks up their names (resolve) and gives libpq addresses beside
 * the names, because libpq would wait for the system's resolver without a timeout. TLS and password files
 * still use the names. With several hosts, those count whose names are known in time. libpq tries them in
 * turn, but has no timeout for each: the caller ends the attempt when one is silent, and begins the next
 * attempt with another. A URL with a service or with addresses of its own is left to libpq. One thread. */

#include "error.h"

#include <libpq-fe.h>
#include <stdint.h>

struct reach;

/* Begins to look up the names, for at most wait_us. *reach is the caller's, for reach_end. url must outlive
 * it. ERROR_SETTING: libpq can't read it; ERROR_MEMORY, ERROR_SYSTEM. */
MUST_CHECK enum error_code reach_begin(struct reach **reach, const char *url, int64_t wait_us,
                                       struct error *error);
/* For poll() with POLLIN: readable when reach_is_known should be asked again; -1: ask now. */
int reach_fd(const struct reach *reach);
/* When it is worth a step at the latest (monotonic). */
int64_t reach_deadline_us(const struct reach *reach);
/* True when nothing is waited for any more: all names are known, or the deadline has passed. */
bool reach_is_known(const struct reach *reach, int64_t now_us);
/* How many addresses the last reach_connect gave to libpq; 0 when the URL was left to it. */
size_t reach_count(const struct reach *reach);
/* Then starts to connect, like PQconnectStartParams, with these parameters in addition to the URL (at most
 * 16). It begins with address `turn`, modulo their number. The caller ends *connection with PQfinish.
 * ERROR_UNREACHABLE, ERROR_TIMEOUT: no name is known, with the reason. */
MUST_CHECK enum error_code reach_connect(struct reach *reach, size_t turn, const char *const *keywords,
                                         const char *const *values, PGconn **connection, struct error *error);
/* reach may be NULL. */
void reach_end(struct reach *reach);

#endif
