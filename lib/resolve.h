/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_RESOLVE_H
#define SLUICE_RESOLVE_H

/* Names of hosts into addresses. The system's resolver has no deadline and takes half a minute when no server
 * of names answers, so it works in a thread of its own (errand). Whoever asks waits as long as they like; an
 * answer that comes too late for them is kept for who asks next, for a minute. One thread per name at most.
 */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define RESOLVE_ADDRESSES_MAX 8
#define RESOLVE_ADDRESS_SIZE 64

/* IPv4 and IPv6 as numbers, in the resolver's order. */
struct addresses {
    size_t count;
    char text[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_SIZE];
};

struct lookup;

/* Begins to look up the name, or joins who is at it. A number is its own answer, at once. *lookup is the
 * caller's, for resolve_end or resolve_leave. ERROR_MEMORY, ERROR_SYSTEM. Any thread, here and below. */
MUST_CHECK enum error_code resolve_begin(struct lookup **lookup, const char *host, struct error *error);
/* Readable once there is an answer; -1: there is one already. Poll it, never read it. */
int resolve_fd(const struct lookup *lookup);
bool resolve_is_done(const struct lookup *lookup);
/* Takes the answer, once it is done: at least one address. ERROR_UNREACHABLE: the resolver says no, in its
 * words. */
MUST_CHECK enum error_code resolve_end(struct lookup *lookup, struct addresses *addresses,
                                       struct error *error);
/* Doesn't wait for it any more. lookup may be NULL. */
void resolve_leave(struct lookup *lookup);

/* All of it, waiting until deadline_us (monotonic): ERROR_TIMEOUT beyond it. */
MUST_CHECK enum error_code resolve(const char *host, int64_t deadline_us, struct addresses *addresses,
                                   struct error *error);

#endif
