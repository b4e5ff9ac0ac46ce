/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BUDGET_H
#define SLUICE_WORKER_BUDGET_H

/* When this worker may try to open a connection, and what it lacks while it has
 * none. The budget itself is kept by Postgres (the role's CONNECTION LIMIT); this is only the manners
 * of asking: one attempt at a time, full jitter, and no sitting on messages without a slot. Pure. */

#include "backoff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum budget_lack {
    BUDGET_HELD,     /* nothing is lacking: a connection is held */
    BUDGET_FIRST,    /* the process has just begun */
    BUDGET_PLACE,    /* other workers hold all places: standby */
    BUDGET_DATABASE, /* the database is away */
    BUDGET_REPAIR,   /* somebody must repair something first */
};

struct budget {
    enum budget_lack lack;
    int64_t lack_since_us;
    int64_t hold_us;
    int64_t next_open_us;
    struct backoff place;
    struct backoff database;
};

/* hold_us: how long messages are held while the database is away (WORKER_HOLD). */
void budget_init(struct budget *b, int64_t hold_us, int64_t now_us);
bool budget_may_open(const struct budget *b, int64_t now_us);
void budget_opened(struct budget *b);
/* A connection was refused since the budget is used up, while `held` others are held here. True when this
 * makes the worker stand by, which is worth a line in the log. */
bool budget_refused(struct budget *b, size_t held, uint32_t random, int64_t now_us);
/* A connection was lost or not made; repair: by something that only a person can mend. Returns how many
 * microseconds to wait for the next attempt. */
int64_t budget_failed(struct budget *b, size_t held, bool repair, uint32_t random, int64_t now_us);
/* Whether the messages should go back to the broker: nearly at once when others hold the places, past hold_us
 * when the database is away. */
bool budget_release_due(const struct budget *b, int64_t now_us);

#endif
