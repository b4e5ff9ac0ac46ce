/* SPDX-License-Identifier: MIT */
#include "pace.h"

static void begin(struct pace *p, const struct pace_sight *sight)
{
    p->since_us = sight->now_us;
    p->since_bytes = sight->bytes;
}

bool pace_is_too_slow(struct pace *p, const struct pace_sight *sight)
{
    int64_t now = sight->now_us, lasted;
    bool is_new = p->seen_us == 0 || now - p->seen_us >= PACE_QUIET_US;
    uint64_t bytes;

    p->seen_us = now;
    if (is_new || sight->unread) {
        p->ours_us = now;
        begin(p, sight);
        return !sight->unread && sight->bytes == 0 && sight->quiet_us >= PACE_QUIET_US;
    }
    if (sight->quiet_us >= PACE_QUIET_US && (sight->bytes == 0 || now - p->ours_us >= PACE_QUIET_US)) {
        return true;
    }
    lasted = now - p->since_us;
    if (lasted < PACE_QUIET_US) {
        return false;
    }
    bytes = sight->bytes - p->since_bytes;
    begin(p, sight);
    return bytes * CLOCK_US_PER_S < (uint64_t)lasted * PACE_BYTES_PER_S;
}
