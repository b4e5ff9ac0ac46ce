/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_POOL_H
#define SLUICE_WORKER_POOL_H

/* The pool is all slots of this process, as many as WORKER_CONNECTIONS. It opens them as the budget allows,
 * one attempt at a time, and closes idle ones. One thread. */

#include "place.h"
#include "settings.h"
#include "slot.h"

#include <poll.h>

#define POOL_SLOTS_MAX 64

struct pool {
    struct slot *slots[POOL_SLOTS_MAX];
    size_t count;
    struct place place;
    size_t turn;    /* which of the database's addresses the next attempt begins with: the next one after each
                       failure, since libpq would wait for a silent one until the deadline */
    int64_t ask_us; /* when to ask for the number of dead letters again */
    bool unfit;     /* the role must not be used: see SLOT_UNFIT */
};

/* Before threads start. */
void pool_register(void);
/* settings and name (of this worker, for logs) must outlive the pool. */
MUST_CHECK enum error_code pool_init(struct pool *p, const struct worker_settings *settings, const char *name,
                                     int64_t now_us, struct error *error);
/* Number of open connections. */
size_t pool_open(const struct pool *p);
/* Number of events in batches that are under way. */
size_t pool_storing(const struct pool *p);
/* True when no batch is under way. */
bool pool_is_idle(const struct pool *p);
/* When a transaction of a batch was last committed, also of a batch that isn't finished; 0: never. */
int64_t pool_stored_us(const struct pool *p);
/* Once a minute, makes a ready slot ask how many dead letters there are; true: it is busy with that now. */
bool pool_asks(struct pool *p, struct slot *slot, int64_t now_us);
/* True when a slot is ready for a batch. */
bool pool_is_ready(const struct pool *p);
/* True while a slot is storing a single event on purpose. */
bool pool_carries_alone(const struct pool *p);
/* Steps one slot. Returns true when its batch is finished (see slot_step); the caller must then empty it. */
bool pool_step(struct pool *p, struct slot *slot, int64_t now_us);
/* Opens a slot when none is open, or when all are busy and events wait for one (wanted). Closes idle slots,
 * but keeps one. */
void pool_adjust(struct pool *p, bool wanted, int64_t now_us);
/* When the pool must be stepped or adjusted even without input. */
int64_t pool_due_us(const struct pool *p, int64_t now_us);
/* Fills fds with one entry per slot. */
void pool_poll(const struct pool *p, struct pollfd fds[POOL_SLOTS_MAX]);
void pool_free(struct pool *p);

#endif
