/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_MOMENT_H
#define SLUICE_CTL_LOOK_MOMENT_H

/* A time that a user gives: in RFC 3339 (2026-11-23T22:43:01Z, 2026-11-23T23:43:01.5+01:00), or as an age in
 * the form of the settings' durations (90s, 2h, 30d). Pure. */

#include <stdbool.h>
#include <stdint.h>

struct moment {
    bool given, is_age;
    int64_t us; /* since 1970, or before now */
};

/* Returns false when text is neither. */
bool moment_read(const char *text, struct moment *moment);
/* Returns the time in microseconds since 1970. */
int64_t moment_us(const struct moment *moment, int64_t now_us);

#endif
