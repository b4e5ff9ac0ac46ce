/* SPDX-License-Identifier: MIT */
#include "pause.h"

#include "clock.h"
#include "signals.h"

#include <poll.h>

/* poll() takes at most 24 days. */
#define ONCE_US (3600 * CLOCK_US_PER_S)

void pause_for(int64_t us)
{
    int64_t until_us = clock_monotonic_us() + us, left_us;
    struct pollfd drain = {.fd = signals_drain_fd(), .events = POLLIN};

    while ((left_us = until_us - clock_monotonic_us()) > 0 && !signals_drain_requested()) {
        (void)poll(&drain, 1, (int)((left_us > ONCE_US ? ONCE_US : left_us) / CLOCK_US_PER_MS) + 1);
    }
}
