/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ENVELOPE_CHECK_H
#define SLUICE_ENVELOPE_CHECK_H

/* What the envelope's format allows: its text members and the limits of all members. For lib/envelope, which
 * reads and writes them. Pure. */

#include "envelope.h"

/* A member that is sent as a text header. */
struct envelope_text {
    struct span name;
    size_t offset;
    size_t least, most; /* length in bytes */
    bool optional;      /* absent when empty */
};

/* The text members of version 1, in its order. */
#define ENVELOPE_TEXTS 6
extern const struct envelope_text envelope_texts[ENVELOPE_TEXTS];

struct span *envelope_text_of(struct envelope *envelope, const struct envelope_text *text);
struct span envelope_text_in(const struct envelope *envelope, const struct envelope_text *text);
/* ERROR_LIMIT or ERROR_MALFORMED names the member that the format doesn't allow. */
MUST_CHECK enum error_code envelope_check(const struct envelope *envelope, struct error *error);

#endif
