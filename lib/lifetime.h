/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LIFETIME_H
#define SLUICE_LIFETIME_H

/* How long a connection to the broker is kept. After a node has failed, all connections are on the other
 * nodes, and only new connections spread again: so each is replaced when it has become old. Pure. */

#include "clock.h"

#include <stdint.h>

/* A failed replacement is tried again after this time. */
#define LIFETIME_AGAIN_US (60 * CLOCK_US_PER_S)

/* The row of a program's list of settings (lib/config). */
#define LIFETIME_SETTING(X)                                                                           \
    X(DURATION, broker_max_age_us, "BROKER_MAX_AGE", .fallback = "1h", .min = 0,                      \
      .max = INT64_C(7) * 24 * 3600 * CLOCK_US_PER_S,                                                 \
      .help = "how old a connection to the broker becomes, give or take a fifth, before another one " \
              "replaces it, so that connections come back to a node that was away; 0: any age")

/* Returns when a connection that begins at now_us is to be replaced: after 0.8 to 1.2 times max_age_us, so
 * that programs that were started together don't reconnect together. INT64_MAX, never, when max_age_us is 0.
 * random must be uniform over all 32-bit values (backoff_random). */
int64_t lifetime_end_us(int64_t max_age_us, uint32_t random, int64_t now_us);

#endif
