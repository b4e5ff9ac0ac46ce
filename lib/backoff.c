/* SPDX-License-Identifier: MIT */
#include "backoff.h"

#include "clock.h"

#include <stdbool.h>
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

static _Thread_local struct {
    uint64_t state;
    bool seeded;
} own;

void backoff_seed(uint64_t seed)
{
    own.state = seed;
    own.seeded = true;
}

/* Splitmix64. Jitter needn't be unpredictable, and the worker asks once for each event: a system call each
 * time would cost it 0.4 us. */
uint32_t backoff_random(void)
{
    uint64_t seed, mixed;

    if (!own.seeded) {
        if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
            seed = (uint64_t)clock_monotonic_us(); /* before the kernel's pool is seeded at boot */
        }
        backoff_seed(seed);
    }
    own.state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (own.state ^ own.state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(mixed >> 32);
}
