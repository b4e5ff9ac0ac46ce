/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BATCH_LOG_H
#define SLUICE_WORKER_BATCH_LOG_H

/* Logs the events of a finished batch: each by itself, or together in one line, as LOG_MESSAGES says
 * (lib/log_messages). An event is slow when LOG_MESSAGES_SLOW_US passed from its delivery to its commit. One
 * thread. */

#include "batch.h"

/* Call before anything else is done with the events. Times are monotonic. begun_us: when the batch was sent.
 */
void batch_log(const struct batch *batch, int64_t begun_us, int64_t now_us);
/* Logs the sums of `sampled`, at most once a second; INT64_MAX: now, since the worker ends. */
void batch_log_sum_up(int64_t now_us);

#endif
