/* SPDX-License-Identifier: MIT */
#include "rate_limit.h"

#include "clock.h"

/* What GitHub's documents ask for when no header says more. */
#define WITHOUT_HEADER_US (60 * CLOCK_US_PER_S)
#define LEAST_US CLOCK_US_PER_S
#define MOST_S (INT64_C(24) * 3600)

bool rate_limit_refused(const struct rate_limit_reply *r)
{
    if (r->status == 429) {
        return true;
    }
    return r->status == 403 && (r->retry_after_s >= 0 || r->remaining == 0 || r->says_so);
}

static int64_t bounded_us(int64_t seconds)
{
    int64_t us = (seconds > MOST_S ? MOST_S : seconds) * CLOCK_US_PER_S;

    return us < LEAST_US ? LEAST_US : us;
}

int64_t rate_limit_wait_us(const struct rate_limit_reply *r, int64_t now_us)
{
    bool refused = rate_limit_refused(r);

    if (refused && r->retry_after_s >= 0) {
        return bounded_us(r->retry_after_s);
    }
    if (r->remaining == 0 && r->reset_s >= 0) {
        return bounded_us(r->reset_s - now_us / CLOCK_US_PER_S + 1);
    }
    return refused ? WITHOUT_HEADER_US : 0;
}
