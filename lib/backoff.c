/* SPDX-License-Identifier: MIT */
#include "backoff.h"

#include "clock.h"

#include <sys/random.h>

int64_t backoff_next(struct backoff *b, uint32_t random)
{
    int64_t ceiling = b->base_us;

    for (unsigned i = 0; i < b->attempt && ceiling < b->cap_us; i++) {
        ceiling = ceiling > b->cap_us / 2 ? b->cap_us : ceiling * 2;
    }
    b->attempt++;
    return (int64_t)((double)ceiling * ((double)random / (double)UINT32_MAX));
}

void backoff_reset(struct backoff *b)
{
    b->attempt = 0;
}

uint32_t backoff_random(void)
{
    uint32_t random;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        /* Fails only before the kernel's pool is seeded at boot. Jitter needn't be unpredictable. */
        random = (uint32_t)((uint64_t)clock_monotonic_us() * UINT64_C(2654435761));
    }
    return random;
}
