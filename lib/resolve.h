/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_RESOLVE_H
#define SLUICE_RESOLVE_H

/* Looks up host names. The system's resolver has no timeout of ours and takes half a minute when no name
 * server answers, so it runs on a thread of its own (errand), at most one per name. Callers wait as long as
 * they want; an answer that comes too late for them is kept for a minute for the next caller. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define RESOLVE_ADDRESSES_MAX 64
#define RESOLVE_ADDRESS_SIZE 64

/* Numeric IPv4 and IPv6 addresses, in the resolver's order. */
struct addresses {
    size_t count;
    char text[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_SIZE];
};

struct lookup;

/* Starts to look up the name, or joins a lookup of it that is running. A numeric address is its own answer,
 * at once. The caller ends *lookup with resolve_end or resolve_leave. ERROR_MEMORY, ERROR_SYSTEM. Any thread,
 * as for the functions below. */
MUST_CHECK enum error_code resolve_begin(struct lookup **lookup, const char *host, struct error *error);
/* Becomes readable when there is an answer; -1: there is one already. Poll it, never read it. */
int resolve_fd(const struct lookup *lookup);
bool resolve_is_done(const struct lookup *lookup);
/* Takes the answer, when it is done: at least one address. ERROR_UNREACHABLE with the resolver's message when
 * there is none. */
MUST_CHECK enum error_code resolve_end(struct lookup *lookup, struct addresses *addresses,
                                       struct error *error);
/* Stops waiting for the answer. lookup may be NULL. */
void resolve_leave(struct lookup *lookup);

/* Looks up the name and waits until deadline_us (monotonic): ERROR_TIMEOUT after that. */
MUST_CHECK enum error_code resolve(const char *host, int64_t deadline_us, struct addresses *addresses,
                                   struct error *error);

#endif
