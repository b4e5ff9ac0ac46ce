/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <inttypes.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    /* Fails only for a clock that doesn't exist; these two always do. */
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * CLOCK_US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_append(struct buf *b, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / CLOCK_US_PER_S);
    int64_t micros = wall_us % CLOCK_US_PER_S;
    struct tm parts;

    if (micros < 0) {
        micros += CLOCK_US_PER_S;
        seconds--;
    }
    if (gmtime_r(&seconds, &parts) == NULL || parts.tm_year < -1900 || parts.tm_year > 8099) {
        buf_printf(b, "%" PRId64, wall_us);
        return;
    }
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
               parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)micros);
}
