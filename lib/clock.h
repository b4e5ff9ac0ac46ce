/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CLOCK_H
#define SLUICE_CLOCK_H

#include "buf.h"

#include <stdint.h>

#define CLOCK_US_PER_MS INT64_C(1000)
#define CLOCK_US_PER_S INT64_C(1000000)

/* Microseconds of CLOCK_MONOTONIC: for every deadline and every age. */
int64_t clock_monotonic_us(void);
/* Microseconds since 1970 (CLOCK_REALTIME): for what people and rows read. */
int64_t clock_wall_us(void);
/* Appends wall_us as 2026-11-23T22:43:01.123456Z. Any value of wall_us between
 * the years 0 and 9999 prints; others print as the number itself. */
void clock_append(struct buf *b, int64_t wall_us);

#endif
