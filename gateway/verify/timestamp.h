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

/* Sets *us to the microseconds since 1970 of a time in RFC 3339, without what is smaller. A leap second is
 * the first second of the next minute. False when the text is anything else. */
bool timestamp_read_us(struct span text, int64_t *us);
/* Sets *seconds to the whole seconds since 1970 (rounded down). False when the text is anything else. */
bool timestamp_read(enum timestamp_unit unit, struct span text, int64_t *seconds);

#endif
