/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_BRAKE_H
#define SLUICE_WORKER_BRAKE_H

/* Holds back the events of a source while more than half of the last 200 of them that got a verdict were
 * refused (poison or later): a broken trigger must not empty the queue into the dead letters. While a brake
 * is on, one event at a time is tried, after growing waits; the first one that is stored releases it. Pure.
 */

#include "backoff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRAKE_WINDOW 200

enum brake_state {
    BRAKE_OFF,
    BRAKE_ON,      /* its events wait; from next_probe_us on, one of them may be tried */
    BRAKE_PROBING, /* that event is under way */
};

/* What became of an event. One that was refused before doesn't count once more. */
enum brake_verdict { BRAKE_STORED, BRAKE_REFUSED, BRAKE_REFUSED_AGAIN };

enum brake_news { BRAKE_SAME, BRAKE_PUT_ON, BRAKE_RELEASED };

struct brake {
    enum brake_state state;
    bool window[BRAKE_WINDOW]; /* ring of the last verdicts: true is refused */
    size_t next;
    size_t refused;   /* of the window */
    int64_t since_us; /* when it was put on; 0: it is off */
    int64_t next_probe_us;
    struct backoff backoff;
};

void brake_init(struct brake *b);
/* Counts an event that got its verdict: it is stored, or it was refused by its own fault. */
void brake_count(struct brake *b, enum brake_verdict verdict);
/* After all events of a batch were counted, and brake_settle_probe was called when one of them was the probe:
 * puts it on when more than half of the window is refused. */
enum brake_news brake_settle(struct brake *b, uint32_t random, int64_t now_us);
/* The probe has come back. stored: it releases the brake; refused: the next wait is longer; neither: it got
 * no verdict, and may be tried again at once. */
enum brake_news brake_settle_probe(struct brake *b, bool stored, bool refused, uint32_t random,
                                   int64_t now_us);
/* True when its events wait. */
bool brake_is_on(const struct brake *b);
/* True when one of them may be tried now. */
bool brake_probe_due(const struct brake *b, int64_t now_us);
/* That event begins. */
void brake_begin_probe(struct brake *b);

#endif
