/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_PREFETCH_H
#define SLUICE_WORKER_PREFETCH_H

/* How many unacked messages the consumer may hold: as many as the settings allow, and as many of the usual
 * size as fill half of WORKER_MEMORY. A bundle is one message: all its events count in its size. Pure. */

#include "ack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefetch {
    uint16_t most;      /* the highest that the settings allow */
    size_t memory;      /* WORKER_MEMORY, bytes */
    size_t usual_bytes; /* size of a message: a moving average; 0: none came yet */
};

/* A message of this size was delivered. */
void prefetch_note(struct prefetch *p, size_t bytes);
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
