/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_RATE_H
#define SLUICE_GATEWAY_SOURCES_RATE_H

/* A token bucket: so many events a second, and after a quiet time so many at once. Kept as one
 * number, the time at which the bucket is full again. Any thread may take. */

#include <stdatomic.h>
#include <stdint.h>

#define RATE_MOST 100000 /* per second, and of a burst */

struct rate {
    int64_t per_second; /* 0: no limit */
    int64_t burst;      /* at least 1 */
    _Atomic int64_t full_at_ns;
};

/* Takes a token. 0, or how many microseconds from now (monotonic) the next one comes. */
int64_t rate_take(struct rate *rate, int64_t now_us);

#endif
