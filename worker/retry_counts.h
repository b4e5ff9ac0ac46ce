/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_RETRY_COUNTS_H
#define SLUICE_WORKER_RETRY_COUNTS_H

/* The metrics of worker/retry: the events that went to a retry queue, by its wait, and those that didn't. One
 * thread, beside the admin thread, which shows them. */

#include "config.h"
#include "confirm.h"
#include "event.h"

/* Before threads start. */
void retry_counts_register(void);
/* Names the tiers after these waits. */
void retry_counts_name(const struct config_durations *delays);
/* The broker has answered the publishing of an event, or can't any more. */
void retry_counts_settled(const struct event *event, enum confirm_outcome outcome);
/* A connection for retries could not be made. */
void retry_counts_away(void);

#endif
