/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_PLACE_H
#define SLUICE_WORKER_PLACE_H

/* When this worker may try to open a connection, and what it lacks while it has
 * none. How many places there are is the budget, which Postgres keeps (the CONNECTION LIMIT of the role,
 * chosen by `sluice setup`, ctl/setup/budget); this is only the manners of asking: one attempt at a time,
 * full jitter, and no sitting on messages without a slot. Pure. */

#include "backoff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place_lack {
    PLACE_HELD,     /* nothing is lacking: a connection is held */
    PLACE_FIRST,    /* the process has just begun */
    PLACE_TAKEN,    /* other workers hold all places: standby */
    PLACE_DATABASE, /* the database is away */
    PLACE_REPAIR,   /* somebody must repair something first */
};

struct place {
    enum place_lack lack;
    int64_t lack_since_us;
    int64_t hold_us;
    int64_t next_open_us;
    struct backoff standby;
    struct backoff database;
};

/* hold_us: how long messages are held while the database is away (WORKER_HOLD). */
void place_init(struct place *p, int64_t hold_us, int64_t now_us);
bool place_may_open(const struct place *p, int64_t now_us);
void place_opened(struct place *p);
/* A connection was refused since the budget is used up, while `held` others are held here. True when this
 * makes the worker stand by, which is worth a line in the log. */
bool place_refused(struct place *p, size_t held, uint32_t random, int64_t now_us);
/* A connection was lost or not made; repair: by something that only a person can mend. Returns how many
 * microseconds to wait for the next attempt. */
int64_t place_failed(struct place *p, size_t held, bool repair, uint32_t random, int64_t now_us);
/* Whether the messages should go back to the broker: nearly at once when others hold the places, past hold_us
 * when the database is away. */
bool place_release_due(const struct place *p, int64_t now_us);

#endif
