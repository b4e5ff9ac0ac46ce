/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_DEATH_H
#define SLUICE_CTL_DEAD_DEATH_H

/* The broker's record (x-death) on a message that it has dead-lettered. */

#include "buf.h"

/* Appends a sentence with the broker's reason and the time: valid text of at most 300 bytes. deaths: the
 * header x-death (an array of tables, one for each queue and reason; empty when there is none). Uses the
 * entry of `queue` or of one of its shards (queue.1), else the first one. Pure; safe for any bytes. */
void death_append_reason(struct buf *out, struct span deaths, const char *queue);

#endif
