/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_MESSAGE_COUNTS_H
#define SLUICE_GATEWAY_PUBLISH_MESSAGE_COUNTS_H

/* The metrics of the messages published to the broker: how many, with which answer, and how long the answer
 * took. Any thread. */

#include "confirm.h"

#include <stddef.h>
#include <stdint.h>

/* Before threads start. */
void message_counts_register(void);
/* A message with a body of so many bytes was published; one call of message_counts_settled follows. */
void message_counts_published(size_t bytes);
/* The broker has answered a message that was published at this time (monotonic), or can't any more. */
void message_counts_settled(enum confirm_outcome outcome, int64_t published_us);
/* An answer matches no message. */
void message_counts_stray(void);

#endif
