/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_RECOVER_RATE_LIMIT_H
#define SLUICE_CTL_RECOVER_RATE_LIMIT_H

/* GitHub's rate limits. A reply 403 or 429 means a limit when it has retry-after, when
 * x-ratelimit-remaining is 0, or when its message says so (the secondary limits, which have no header). */

#include <stdbool.h>
#include <stdint.h>

struct rate_limit_reply {
    long status;
    int64_t retry_after_s; /* -1: the header is absent, in each of the three */
    int64_t remaining;
    int64_t reset_s; /* since 1970 */
    bool says_so;    /* the message mentions a rate limit */
};

/* True when the request was refused because of a limit. Pure. */
bool rate_limit_refused(const struct rate_limit_reply *reply);
/* How long to wait before the next request, in microseconds; 0: not at all. Pure. */
int64_t rate_limit_wait_us(const struct rate_limit_reply *reply, int64_t now_us);

#endif
