/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_DELIVER_COUNTS_H
#define SLUICE_WORKER_DELIVER_COUNTS_H

/* The metrics of worker/deliver: what came from the broker, what went back, and its connections. One thread,
 * beside the admin thread, which shows them. */

#include "event.h"

/* Before threads start. */
void deliver_counts_register(void);
void deliver_counts_delivered(const struct event *event);
void deliver_counts_acked(size_t messages);
void deliver_counts_given_back(void);
/* A connection was made; or one was lost, or could not be made. */
void deliver_counts_connected(void);
void deliver_counts_lost(void);

#endif
