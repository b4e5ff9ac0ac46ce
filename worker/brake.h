/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BRAKE_H
#define SLUICE_WORKER_BRAKE_H

/* Holds back further batches while more than half of the last 200 events that got a verdict were refused
 * (poison or later): a broken trigger must not empty the queue into the dead letters. While it is on, one
 * event at a time is tried, after growing waits; the first one that is stored releases it. Pure. */

#include "backoff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRAKE_WINDOW 200

enum brake_state {
    BRAKE_OFF,
    BRAKE_ON,      /* no batch begins; from next_probe_us on, one event may be tried */
    BRAKE_PROBING, /* that event is under way */
};

/* What became of an event. One that was refused before counts for the one that is tried, and else not once
 * more. */
enum brake_verdict { BRAKE_STORED, BRAKE_REFUSED, BRAKE_REFUSED_AGAIN };

enum brake_news { BRAKE_SAME, BRAKE_PUT_ON, BRAKE_RELEASED };

struct brake {
    enum brake_state state;
    bool window[BRAKE_WINDOW]; /* ring of the last verdicts: true is refused */
    size_t next;
    size_t refused;                 /* of the window */
    size_t now_stored, now_refused; /* since the last brake_settle */
    int64_t since_us;               /* when it was put on; 0: it is off */
    int64_t next_probe_us;
    struct backoff backoff;
};

void brake_init(struct brake *b);
/* Counts an event that got its verdict: it is stored, or it was refused by its own fault. */
void brake_count(struct brake *b, enum brake_verdict verdict);
/* After all events of a batch were counted: what that makes of the brake. */
enum brake_news brake_settle(struct brake *b, uint32_t random, int64_t now_us);
/* How many events the next batch may have: SIZE_MAX when it is off, else 1 when one may be tried now, or 0.
 * idle: no batch is under way, so that the next one to end is the one that is tried. */
size_t brake_allows(const struct brake *b, bool idle, int64_t now_us);
/* A batch begins; when the brake is on, it is the one event. */
void brake_begin(struct brake *b);

#endif
