/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ARRAY_H
#define SLUICE_ARRAY_H

/* Builds the text of a Postgres array, a parameter of type text[]. */

#include "buf.h"

/* Appends one element, with the opening brace before the first one. array must be empty at first, and may
 * hold nothing else. Pure. */
void array_append(struct buf *array, struct span element);
/* Appends what ends the array, which may have no element. */
void array_end(struct buf *array);

#endif
