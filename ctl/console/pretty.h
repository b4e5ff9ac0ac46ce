/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_PRETTY_H
#define SLUICE_CTL_CONSOLE_PRETTY_H

/* A body in a form that people read or copy. Pure. */

#include "buf.h"

#include <stdbool.h>

/* Appends JSON text with its own line for each member and element. Nothing but white space changes: numbers
 * keep their digits, strings their escapes. Levels beyond the 32nd are not indented further. Returns false,
 * with nothing appended, when text is not JSON (RFC 8259). */
bool pretty_json(struct buf *out, struct span text);
/* Appends text as one word for bash, in ASCII: 'plain', or $'\xe2...' where a byte isn't printable. It must
 * have no NUL. */
void pretty_shell(struct buf *out, struct span text);

#endif
