/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include "clock.h"

/* A place that frees up, this worker's own included, does so within the second. */
#define HOLD_WITHOUT_PLACE_US (5 * CLOCK_US_PER_S)

void budget_init(struct budget *b, int64_t hold_us, int64_t now_us)
{
    *b = (struct budget){
        .lack = BUDGET_FIRST,
        .lack_since_us = now_us,
        .hold_us = hold_us,
        /* A storm of workers must not knock for ever: a place frees up seldom, and nobody waits for it. */
        .place = {.base_us = 500 * CLOCK_US_PER_MS, .cap_us = 30 * CLOCK_US_PER_S},
        /* The backlog should fall within 5 s of the database's return. */
        .database = {.base_us = 200 * CLOCK_US_PER_MS, .cap_us = 4 * CLOCK_US_PER_S},
    };
}

bool budget_may_open(const struct budget *b, int64_t now_us)
{
    return now_us >= b->next_open_us;
}

void budget_opened(struct budget *b)
{
    b->lack = BUDGET_HELD;
    b->next_open_us = 0;
    backoff_reset(&b->place);
    backoff_reset(&b->database);
}

static void note_lack(struct budget *b, enum budget_lack lack, int64_t now_us)
{
    if (b->lack == BUDGET_HELD) {
        b->lack_since_us = now_us;
    }
    b->lack = lack;
}

bool budget_refused(struct budget *b, size_t held, uint32_t random, int64_t now_us)
{
    bool news = held == 0 && b->lack != BUDGET_PLACE;

    b->next_open_us = now_us + backoff_next(&b->place, random);
    if (held == 0) {
        note_lack(b, BUDGET_PLACE, now_us);
    }
    return news;
}

int64_t budget_failed(struct budget *b, size_t held, bool repair, uint32_t random, int64_t now_us)
{
    int64_t wait_us = backoff_next(&b->database, random);

    b->next_open_us = now_us + wait_us;
    if (held == 0) {
        note_lack(b, repair ? BUDGET_REPAIR : BUDGET_DATABASE, now_us);
    }
    return wait_us;
}

bool budget_release_due(const struct budget *b, int64_t now_us)
{
    int64_t hold_us = b->lack == BUDGET_PLACE ? HOLD_WITHOUT_PLACE_US : b->hold_us;

    return b->lack != BUDGET_HELD && now_us - b->lack_since_us >= hold_us;
}
