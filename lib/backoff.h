/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BACKOFF_H
#define SLUICE_BACKOFF_H

/* Exponential backoff with full jitter: the n-th wait is uniform between 0 and min(cap, base * 2^n), so that
 * processes that fail together don't retry together. Pure: the randomness is an argument. */

#include <stdint.h>

struct backoff {
    int64_t base_us;  /* > 0 */
    int64_t cap_us;   /* >= base_us */
    unsigned attempt; /* failures since the last backoff_reset */
};

/* Counts one more failure and returns the wait in microseconds, from 0 to the cap. `random` must be uniform
 * over all 32-bit values. */
int64_t backoff_next(struct backoff *b, uint32_t random);
/* Forgets the failures: the next wait is the first again. */
void backoff_reset(struct backoff *b);
/* A uniform random number for backoff_next, from a sequence of the thread that the kernel seeds. Any thread.
 */
uint32_t backoff_random(void);
/* The numbers of this thread follow from the seed from now on, so that a test can be repeated. */
void backoff_seed(uint64_t seed);

#endif
