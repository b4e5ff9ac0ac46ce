/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_MESSAGE_COUNTS_H
#define SLUICE_GATEWAY_PUBLISH_MESSAGE_COUNTS_H

/* The metrics of what was published to the broker: how many events, in how many bundles, with which answer,
 * and how long the answer took. Any thread. */

#include "confirm.h"

#include <stddef.h>
#include <stdint.h>

/* Before threads start. */
void message_counts_register(void);
/* A message with a body of so many bytes and so many events was published; a call of message_counts_settled
 * follows for each of these. */
void message_counts_published(size_t bytes, size_t events);
/* The broker has answered an event that was published at this time (monotonic), or can't any more. */
void message_counts_settled(enum confirm_outcome outcome, int64_t published_us);
/* An answer of this kind ("ack", "nack", "return") matches no message: logs it, too. */
void message_counts_stray(const char *kind, uint64_t number);

#endif
