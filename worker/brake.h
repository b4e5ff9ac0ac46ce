/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BRAKE_H
#define SLUICE_WORKER_BRAKE_H

/* A circuit breaker. It holds a source's events back when more than half of the last 200 that got a verdict
 * were refused (poison or later), so that a broken trigger cannot turn the whole queue into dead letters.
 * While the brake is on, one event at a time is tried (the probe), after growing waits; the first probe that
 * is stored releases the brake. Pure. */

#include "backoff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRAKE_WINDOW 200

enum brake_state {
    BRAKE_OFF,
    BRAKE_ON,      /* events wait; from next_probe_us on, one of them may be tried */
    BRAKE_PROBING, /* the probe is in a slot */
};

/* The outcome of an event. BRAKE_REFUSED_AGAIN, a refused retry, is not counted: in a quiet hour nearly all
 * events are retries, which would put the brake on. */
enum brake_verdict { BRAKE_STORED, BRAKE_REFUSED, BRAKE_REFUSED_AGAIN };

enum brake_news { BRAKE_SAME, BRAKE_PUT_ON, BRAKE_RELEASED };

struct brake {
    enum brake_state state;
    bool window[BRAKE_WINDOW]; /* ring buffer of the last verdicts; true: refused */
    size_t next;
    size_t refused;   /* number of true entries in the window */
    int64_t since_us; /* when the brake was put on; 0: it is off */
    int64_t next_probe_us;
    struct backoff backoff;
};

void brake_init(struct brake *b);
/* Counts an event that got a verdict: stored, or refused through its own fault. */
void brake_count(struct brake *b, enum brake_verdict verdict);
/* Puts the brake on when more than half of the window is refused. Call it after all events of a batch were
 * counted and, if one of them was the probe, after brake_settle_probe. */
enum brake_news brake_settle(struct brake *b, uint32_t random, int64_t now_us);
/* Reports the probe's outcome. stored: the brake is released. refused: the next probe waits longer. Neither:
 * it got no verdict, and another may be tried at once. */
enum brake_news brake_settle_probe(struct brake *b, bool stored, bool refused, uint32_t random,
                                   int64_t now_us);
/* True while events must be held. */
bool brake_is_on(const struct brake *b);
/* True when a probe may be tried now. */
bool brake_probe_due(const struct brake *b, int64_t now_us);
/* Notes that the probe is about to be tried. */
void brake_begin_probe(struct brake *b);

#endif
