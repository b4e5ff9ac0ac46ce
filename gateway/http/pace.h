/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_PACE_H
#define SLUICE_GATEWAY_HTTP_PACE_H

/* Decides whether a sender is too slow to keep its thread while other connections wait for one: bytes are due
 * from it, and it has sent none for PACE_QUIET_US, or fewer than PACE_BYTES_PER_S. Pure. */

#include "clock.h"

#include <stdbool.h>
#include <stdint.h>

/* With 1,000 senders of one byte a second on 256 threads, the last one waits three times this long for a
 * thread. */
#define PACE_QUIET_US (750 * CLOCK_US_PER_MS)
#define PACE_BYTES_PER_S 4096

/* The state of one connection. Zero-initialise. */
struct pace {
    int64_t seen_us;  /* time of the last sample */
    int64_t since_us; /* start of the interval in which the rate is measured */
    uint64_t since_bytes;
    int64_t ours_us; /* when the gateway last had unread bytes, so that nothing was due from the sender */
};

/* One sample of a connection. Times are of the monotonic clock. */
struct pace_sight {
    int64_t now_us;
    int64_t quiet_us; /* since the last byte in either direction */
    uint64_t bytes;   /* received so far */
    bool unread;      /* some of them have not been read by the gateway */
};

/* True when the sender is too slow. A connection without a sample in the last PACE_QUIET_US counts as new: it
 * is too slow only when it has never sent a byte. */
bool pace_is_too_slow(struct pace *pace, const struct pace_sight *sight);

#endif
