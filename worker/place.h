/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_PLACE_H
#define SLUICE_WORKER_PLACE_H

/* Decides when this worker may try to open a database connection, and records why it has none. A place is
 * one connection of the budget. Postgres enforces the budget (the role's CONNECTION LIMIT, set by `sluice
 * setup`, ctl/setup/budget). This file only paces the attempts, with full jitter, and decides when a worker
 * without a connection must release its messages. Pure. */

#include "backoff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place_lack {
    PLACE_HELD,     /* a connection is held */
    PLACE_FIRST,    /* the process has just started */
    PLACE_TAKEN,    /* other workers hold all places: standby */
    PLACE_DATABASE, /* the database is unreachable */
    PLACE_REPAIR,   /* an operator must repair something first */
    PLACE_UNSYNCED, /* commits don't wait for a standby, and WORKER_REQUIRE_SYNC */
};

struct place {
    enum place_lack lack;
    int64_t lack_since_us;
    int64_t hold_us;
    int64_t next_open_us;
    struct backoff standby;
    struct backoff database;
};

/* hold_us: how long to hold messages while the database is unreachable (WORKER_HOLD). */
void place_init(struct place *p, int64_t hold_us, int64_t now_us);
/* True when the next attempt is due. */
bool place_may_open(const struct place *p, int64_t now_us);
/* A connection was opened. */
void place_opened(struct place *p);
/* Postgres refused a connection because the budget is used up; held: connections that this worker still has.
 * Returns true when this puts the worker on standby, so that the caller logs it once. */
bool place_refused(struct place *p, size_t held, uint32_t random, int64_t now_us);
/* A connection was lost or could not be opened; held: connections that this worker still has; lack:
 * PLACE_DATABASE, PLACE_REPAIR or PLACE_UNSYNCED. Returns the wait before the next attempt, in microseconds.
 */
int64_t place_failed(struct place *p, size_t held, enum place_lack lack, uint32_t random, int64_t now_us);
/* True when the messages should go back to the broker: after 5 s when other workers hold all places, after
 * hold_us otherwise. */
bool place_release_due(const struct place *p, int64_t now_us);

#endif
