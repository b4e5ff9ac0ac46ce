/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_PACE_H
#define SLUICE_GATEWAY_HTTP_PACE_H

/* Who of a crowd keeps a thread without using it: a sender that owes us bytes and has sent none for
 * PACE_QUIET_US, or fewer than PACE_BYTES_PER_S. Only asked while others wait for a thread. Pure. */

#include "clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Of 1,000 senders of a byte a second on 256 threads, the last to come waits for three times this long. */
#define PACE_QUIET_US (750 * CLOCK_US_PER_MS)
#define PACE_BYTES_PER_S 4096

/* What is remembered of one connection; zero at first. */
struct pace {
    int64_t seen_us;  /* the last sight */
    int64_t since_us; /* the rate is taken from here on */
    uint64_t since_bytes;
    int64_t ours_us; /* when it was last our turn: bytes lay unread */
};

/* A look at the connection. Times of the monotonic clock. */
struct pace_sight {
    int64_t now_us;
    int64_t quiet_us; /* since the last byte in either direction */
    uint64_t bytes;   /* received in all */
    bool unread;      /* some of them have not been read yet */
};

/* A connection that was not seen for PACE_QUIET_US is new: it is too slow only when it has never sent a byte.
 */
bool pace_is_too_slow(struct pace *pace, const struct pace_sight *sight);

#endif
