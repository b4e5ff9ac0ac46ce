/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_PREFETCH_H
#define SLUICE_WORKER_PREFETCH_H

/* How many unacked messages the consumer may hold: as many as usually have the events that the settings
 * allow, and as many of the usual size as fill half of WORKER_MEMORY. Pure. */

#include "ack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefetch {
    uint16_t most;       /* the highest that the settings allow */
    size_t memory;       /* WORKER_MEMORY, bytes */
    size_t usual_bytes;  /* size of a message: a moving average; 0: none came yet */
    size_t usual_events; /* number of its events, likewise, in parts of one */
};

/* A message with so many events, and of this size, was delivered. */
void prefetch_note(struct prefetch *p, size_t events, size_t bytes);
/* The prefetch for a new consumer, at least 1. */
uint16_t prefetch_now(const struct prefetch *p);
/* True when more is held than the memory allows. */
bool prefetch_is_exceeded(const struct prefetch *p, const struct ack *ack);
/* After that: true when little enough is held for another consumer. */
bool prefetch_may_go_on(const struct prefetch *p, const struct ack *ack);
/* True when messages have become smaller, and a consumer with this prefetch is worth replacing: the next one
 * may take twice as many, or all there may be. */
bool prefetch_may_rise(const struct prefetch *p, uint16_t prefetch, const struct ack *ack);

#endif
