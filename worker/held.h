/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_HELD_H
#define SLUICE_WORKER_HELD_H

/* Shows by gauges which messages this worker holds, and what they wait for. One thread. */

#include "ack.h"
#include "pool.h"
#include "retry.h"
#include "schedule.h"

/* Where the messages are. */
struct held {
    const struct ack *ack;
    const struct schedule *schedule;
    const struct pool *pool;
    const struct retry *retry;
};

/* Before threads start. */
void held_register(void);
/* Sets the gauges: the numbers at each call, the age of the oldest at most once a second, since that looks at
 * each message. */
void held_show(const struct held *held, int64_t now_us);

#endif
