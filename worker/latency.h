/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_LATENCY_H
#define SLUICE_WORKER_LATENCY_H

/* Histograms of how long events take, and of how large batches are. Times since the receipt compare the
 * gateway's clock with this machine's: they are as good as the two agree, which worker/clock_ahead
 * watches at each delivery. One thread. */

#include "batch.h"

/* Before threads start. */
void latency_register(void);
/* An event was delivered at this time (wall clock). Only its first delivery tells how long it was queued. */
void latency_delivered(const struct event *event, int64_t wall_us);
/* The database has answered a batch, from begun_us to now_us (monotonic). */
void latency_batch(const struct batch *batch, int64_t begun_us, int64_t now_us);

#endif
