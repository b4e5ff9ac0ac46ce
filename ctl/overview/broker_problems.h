/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_BROKER_PROBLEMS_H
#define SLUICE_CTL_OVERVIEW_BROKER_PROBLEMS_H

/* The problems of queues that only the broker knows of. Each appends its words to `words` when it is true.
 * What isn't known is no problem here. Pure. */

#include "buf.h"
#include "overview.h"

#include <stdbool.h>

/* A queue without a majority of its members. */
bool broker_problems_majority_lost(const struct overview *now, struct buf *words);
/* A queue with fewer members than the broker's nodes allow. */
bool broker_problems_members_few(const struct overview *now, struct buf *words);
/* One of several ingest queues in which messages wait, while workers consume others, and not this one. */
bool broker_problems_queue_unattended(const struct overview *now, struct buf *words);

#endif
