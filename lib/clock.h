/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CLOCK_H
#define SLUICE_CLOCK_H

#include "buf.h"

#include <stdint.h>

#define CLOCK_US_PER_MS INT64_C(1000)
#define CLOCK_US_PER_S INT64_C(1000000)

/* CLOCK_MONOTONIC in microseconds, for all deadlines and ages. */
int64_t clock_monotonic_us(void);
/* CLOCK_REALTIME: microseconds since 1970, for times that are logged or stored. */
int64_t clock_wall_us(void);
/* Of two times. */
static inline int64_t clock_earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static inline int64_t clock_later(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

/* Appends wall_us as 2026-11-23T22:43:01.123456Z; outside the years 0 to 9999, as the plain number. */
void clock_append(struct buf *b, int64_t wall_us);

#endif
