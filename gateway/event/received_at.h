/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_RECEIVED_AT_H
#define SLUICE_GATEWAY_EVENT_RECEIVED_AT_H

/* The time at which an event was received. The upsert orders the events of one id by it. It is used for
 * nothing else: signatures are checked against the clock itself. */

#include <stdbool.h>
#include <stdint.h>

/* NTP's own backward steps are smaller; a larger step corrects a clock that was wrong. */
#define RECEIVED_AT_AHEAD_MAX_US INT64_C(2000000)

/* Registers the metric. Before threads start. */
void received_at_register(void);

/* The time after last_us when the wall clock is now_us (all in microseconds since 1970): now_us, or last_us +
 * 1 when the clock is behind last_us by at most RECEIVED_AT_AHEAD_MAX_US. When it is further behind, last_us
 * came from a wrong clock: returns now_us and sets *set_back. Pure. */
int64_t received_at_follow(int64_t last_us, int64_t now_us, bool *set_back);

/* The time for an event that arrives now: received_at_follow of the last time in this process. Counts and
 * logs a clock that was set back. Each call returns a different time, unless the clock was set back. Any
 * thread. */
int64_t received_at_take(int64_t now_us);

#endif
