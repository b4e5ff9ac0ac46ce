/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOG_MESSAGES_H
#define SLUICE_LOG_MESSAGES_H

/* Which events have log lines of their own (LOG_MESSAGES). What has none is counted in a line that sums up
 * several events. Trouble (refused, retried and dead events) and warnings do not depend on it. Any thread. */

#include "buf.h"
#include "error.h"

#include <stdint.h>

enum log_messages {
    LOG_MESSAGES_ALL,     /* each event */
    LOG_MESSAGES_SAMPLED, /* one in LOG_MESSAGES_ONE_IN, the same ones at each stage */
    LOG_MESSAGES_BATCHES, /* up to LOG_MESSAGES_FEW events a second; above that only sums */
    LOG_MESSAGES_OFF,     /* no event, and no sums */
};

#define LOG_MESSAGES_ONE_IN 100
/* So many events a second, of each kind, a program may give lines when events have none of their own. */
#define LOG_MESSAGES_FEW 10
/* An event that a program has had for so long is slow. */
#define LOG_MESSAGES_SLOW_US INT64_C(1000000)

/* Sets the mode: LOG_MESSAGES_ALL before that. */
void log_messages_use(enum log_messages mode);
/* Converts "all", "sampled", "batches" or "off"; false for any other text. */
MUST_CHECK bool log_messages_of(const char *text, enum log_messages *mode);
enum log_messages log_messages_mode(void);
/* True for one in LOG_MESSAGES_ONE_IN of all events, in every program alike. Pure. */
bool log_messages_samples(struct span source, struct span id);
enum log_few { LOG_FEW_ORDINARY, LOG_FEW_TROUBLE }; /* slow, or not queued: not crowded out by the others */
/* Takes `lines` of this second's LOG_MESSAGES_FEW of this kind; false, with none taken, when fewer are left.
 */
bool log_messages_take_few(enum log_few kind, size_t lines);

#endif
