/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_DELAYS_H
#define SLUICE_GATEWAY_PUBLISH_DELAYS_H

/* The delays that events are to be held for on the broker before they reach the workers
 * (the pattern's DelaySeconds). Each is an exchange that `sluice setup` declares for a delay in
 * DELAYS; publishing to one that isn't there would close the channel, so it is asked
 * for first. */

#include "broker.h"
#include "error.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set; zero-initialise to make an empty one. */
struct delays {
    int64_t seconds[TOPOLOGY_DELAYS_MAX];
    size_t count;
};

/* NULL when us can be a delay (0, or whole seconds up to 24 h), else what is wrong as the middle of a
 * sentence: "is not a whole number of seconds". */
const char *delays_wrong(int64_t us);
/* Adds one; 0, and one that is in it, change nothing. False: it is full. */
MUST_CHECK bool delays_add(struct delays *set, int64_t seconds);
bool delays_has(const struct delays *set, int64_t seconds);
/* Asks the broker for the exchange of each; waits. ERROR_NOT_FOUND names the first that isn't declared and
 * what to do; the connection is spent after any error. */
MUST_CHECK enum error_code delays_inspect(const struct delays *set, struct broker *broker,
                                          struct error *error);
/* The same on a connection of its own, for those of `set` that aren't in `known`. Waits, but not when the
 * process is asked to stop: ERROR_TIMEOUT. */
MUST_CHECK enum error_code delays_probe(const struct delays *set, const struct delays *known,
                                        const struct broker_access *access, const char *name,
                                        struct error *error);

#endif
