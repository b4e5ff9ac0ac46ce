/* SPDX-License-Identifier: MIT */
#include "place.h"

#include "clock.h"

/* A place whose holder ended, this worker included, is free within a second. */
#define HOLD_WITHOUT_PLACE_US (5 * CLOCK_US_PER_S)

void place_init(struct place *p, int64_t hold_us, int64_t now_us)
{
    *p = (struct place){
        .lack = PLACE_FIRST,
        .lack_since_us = now_us,
        .hold_us = hold_us,
        /* Many standby workers must not flood Postgres with attempts. Places become free rarely, and a late
         * start of a standby worker harms nobody. */
        .standby = {.base_us = 500 * CLOCK_US_PER_MS, .cap_us = 30 * CLOCK_US_PER_S},
        /* The backlog should fall within 5 s of the database's return. */
        .database = {.base_us = 200 * CLOCK_US_PER_MS, .cap_us = 4 * CLOCK_US_PER_S},
    };
}

bool place_may_open(const struct place *p, int64_t now_us)
{
    return now_us >= p->next_open_us;
}

void place_opened(struct place *p)
{
    p->lack = PLACE_HELD;
    p->next_open_us = 0;
    backoff_reset(&p->standby);
    backoff_reset(&p->database);
}

static void note_lack(struct place *p, enum place_lack lack, int64_t now_us)
{
    if (p->lack == PLACE_HELD) {
        p->lack_since_us = now_us;
    }
    p->lack = lack;
}

bool place_refused(struct place *p, size_t held, uint32_t random, int64_t now_us)
{
    bool news = held == 0 && p->lack != PLACE_TAKEN;

    p->next_open_us = now_us + backoff_next(&p->standby, random);
    if (held == 0) {
        note_lack(p, PLACE_TAKEN, now_us);
    }
    return news;
}

int64_t place_failed(struct place *p, size_t held, enum place_lack lack, uint32_t random, int64_t now_us)
{
    int64_t wait_us = backoff_next(&p->database, random);

    p->next_open_us = now_us + wait_us;
    if (held == 0) {
        note_lack(p, lack, now_us);
    }
    return wait_us;
}

bool place_release_due(const struct place *p, int64_t now_us)
{
    int64_t hold_us = p->lack == PLACE_TAKEN ? HOLD_WITHOUT_PLACE_US : p->hold_us;

    return p->lack != PLACE_HELD && now_us - p->lack_since_us >= hold_us;
}
