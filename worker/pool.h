/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_POOL_H
#define SLUICE_WORKER_POOL_H

/* The slots of this process: opened as the budget allows, one attempt at a time, and closed when they idle.
 * One thread. */

#include "place.h"
#include "settings.h"
#include "slot.h"

#include <poll.h>

#define POOL_SLOTS_MAX 64

struct pool {
    struct slot *slots[POOL_SLOTS_MAX];
    size_t count;
    struct place place;
    bool unfit; /* the role may not be used */
};

/* settings and name (the worker's, for people) must outlive it. */
MUST_CHECK enum error_code pool_init(struct pool *p, const struct worker_settings *settings, const char *name,
                                     int64_t now_us, struct error *error);
/* Connections held. */
size_t pool_open(const struct pool *p);
/* True when no batch is under way. */
bool pool_is_idle(const struct pool *p);
/* True when a slot is ready for a batch. */
bool pool_is_ready(const struct pool *p);
/* True while a slot carries an event alone. */
bool pool_carries_alone(const struct pool *p);
/* Steps one slot. True: its batch has come back (see slot_step), for the caller to empty. */
bool pool_step(struct pool *p, struct slot *slot, int64_t now_us);
/* Opens a slot when there is none or, when events wait for one (wanted), when all are busy; closes
 * those that idle, but one. */
void pool_adjust(struct pool *p, bool wanted, int64_t now_us);
/* When it must be stepped or adjusted even if nothing came. */
int64_t pool_due_us(const struct pool *p, int64_t now_us);
/* Fills fds, one per slot. */
void pool_poll(const struct pool *p, struct pollfd fds[POOL_SLOTS_MAX]);
void pool_free(struct pool *p);

#endif
