/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_DEATH_H
#define SLUICE_CTL_DEAD_DEATH_H

/* What the broker wrote on a message that it gave up. */

#include "buf.h"

/* Appends a sentence with the broker's own word for the reason and the time. deaths is the header x-death (an
 * array of tables, one for each queue and reason; empty when there is none); queue, of whose entry it is
 * told; the first entry when it has none. What is appended is text of at most 300 bytes. Pure; safe on any
 * bytes. */
void death_append_reason(struct buf *out, struct span deaths, const char *queue);

#endif
