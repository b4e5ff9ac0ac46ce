/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_DELAYS_H
#define SLUICE_GATEWAY_PUBLISH_DELAYS_H

/* The delays for which the broker holds events before they reach the workers (as SQS's DelaySeconds). Each
 * has an exchange, which `sluice setup` declares for every delay in DELAYS. Publishing to an exchange that
 * does not exist closes the channel, so the gateway checks for it first. */

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

/* NULL when us is a valid delay (0, or whole seconds up to 24 h), else what is wrong as the end of a
 * sentence: "is not a whole number of seconds". */
const char *delays_wrong(int64_t us);
/* Adds a delay. Does nothing for 0 or a delay that the set already has. False when the set is full. */
MUST_CHECK bool delays_add(struct delays *set, int64_t seconds);
bool delays_has(const struct delays *set, int64_t seconds);
/* Checks with the broker that the exchange of each delay exists; waits for the replies. ERROR_NOT_FOUND names
 * the first one that does not and what to do. After any error the connection can only be closed. */
MUST_CHECK enum error_code delays_inspect(const struct delays *set, struct broker *broker,
                                          struct error *error);
/* The same on a separate connection, for the delays of `set` that are not in `known`. Waits, but not when the
 * process is asked to stop: ERROR_TIMEOUT. */
MUST_CHECK enum error_code delays_probe(const struct delays *set, const struct delays *known,
                                        const struct broker_access *access, const char *name,
                                        struct error *error);

#endif
