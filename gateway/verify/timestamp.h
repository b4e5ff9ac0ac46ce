/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_TIMESTAMP_H
#define SLUICE_GATEWAY_VERIFY_TIMESTAMP_H

/* The timestamps of signed requests. Pure. */

#include "buf.h"

/* How a provider writes the time. */
enum timestamp_unit {
    TIMESTAMP_SECONDS,      /* since 1970, in decimal digits */
    TIMESTAMP_MILLISECONDS, /* since 1970, in decimal digits */
    TIMESTAMP_RFC3339,      /* 2026-07-15T12:30:00Z, with any fraction and offset */
};

/* Sets *seconds to the whole seconds since 1970 (rounded down). False when the text is anything else. */
bool timestamp_read(enum timestamp_unit unit, struct span text, int64_t *seconds);

#endif
