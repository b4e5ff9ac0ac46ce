/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_TIER_H
#define SLUICE_WORKER_TIER_H

/* Chooses the retry queue of an event that must wait but didn't fail. Pure. */

#include "config.h"

/* The retry queue in the middle: its wait is long enough to cost little and short enough to be over soon. */
size_t tier_middle(const struct config_durations *delays);
/* The retry queue with the longest wait that is not above lasted_us, the age of the problem. So an event
 * waits at most as long after the repair as the problem lasted. */
size_t tier_for(const struct config_durations *delays, int64_t lasted_us);

#endif
