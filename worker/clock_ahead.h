/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_CLOCK_AHEAD_H
#define SLUICE_WORKER_CLOCK_AHEAD_H

/* Notices events that a gateway received in this machine's future: one of the two clocks is wrong. A row with
 * such a time wins over events that arrive later by a right clock. One thread. */

#include "event.h"

/* Before threads start. */
void clock_ahead_register(void);
/* An event was delivered at this time (wall clock). If its time of receipt is more than
 * 1 s ahead, counts it, and logs it at most once a minute. */
void clock_ahead_delivered(const struct event *event, int64_t wall_us);

#endif
