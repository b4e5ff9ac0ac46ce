/* SPDX-License-Identifier: MIT */
#include "standstill.h"

#include "clock.h"

#define LONG_US (30 * CLOCK_US_PER_S)

bool standstill_look(struct standstill *s, bool full, int64_t stored_us, int64_t now_us)
{
    int64_t since_us;

    if (!full) {
        s->full_since_us = 0;
        return false;
    }
    if (s->full_since_us == 0) {
        s->full_since_us = now_us;
    }
    since_us = stored_us > s->full_since_us ? stored_us : s->full_since_us;
    return now_us - since_us >= LONG_US;
}
