/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_CURSOR_H
#define SLUICE_CTL_LOOK_CURSOR_H

/* The place of an event in the order (received_at, id, source), as a word for the command line or a URL:
 * microseconds since 1970, the source and the percent-encoded id, with dots between them. Pure. */

#include "buf.h"

#include <stdbool.h>

struct cursor {
    struct buf us, source, id; /* as text */
};

void cursor_append(struct buf *out, const char *us, const char *source, const char *id);
/* Fills *cursor, which must be empty. Returns false when text is not a cursor. The caller frees it with
 * cursor_free, also then. */
bool cursor_read(const char *text, struct cursor *cursor);
void cursor_free(struct cursor *cursor);

#endif
