/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_EVENT_RECEIVED_AT_H
#define SLUICE_GATEWAY_EVENT_RECEIVED_AT_H

/* When an event was received: the merge in the table orders the arrivals of an id by it. Only that:
 * signatures are checked against the clock itself. */

#include <stdbool.h>
#include <stdint.h>

/* A step back that NTP makes rather than slews is smaller; one that is larger corrects a clock that was
 * wrong. */
#define RECEIVED_AT_AHEAD_MAX_US INT64_C(2000000)

/* Registers the metric. Once, at the start. */
void received_at_register(void);

/* The time to follow `last_us` when the wall clock says now_us (microseconds since 1970, all of them):
 * now_us, or last_us + 1 when the clock is behind by at most RECEIVED_AT_AHEAD_MAX_US. When it is further
 * behind, last_us came from a wrong clock: now_us, and *set_back is true. Pure. */
int64_t received_at_follow(int64_t last_us, int64_t now_us, bool *set_back);

/* The time for an event that arrives now: received_at_follow of this process' last one. A clock that was set
 * back is counted and logged. Any thread; each gets a time of its own. */
int64_t received_at_take(int64_t now_us);

#endif
