/* SPDX-License-Identifier: MIT */
#include "brake.h"

#include "clock.h"

void brake_init(struct brake *b)
{
    *b = (struct brake){
        .backoff = {.base_us = 1 * CLOCK_US_PER_S, .cap_us = 30 * CLOCK_US_PER_S},
    };
}

static void remember(struct brake *b, bool refused)
{
    b->refused += refused;
    b->refused -= b->window[b->next];
    b->window[b->next] = refused;
    b->next = (b->next + 1) % BRAKE_WINDOW;
}

void brake_count(struct brake *b, enum brake_verdict verdict)
{
    switch (verdict) {
    case BRAKE_STORED:
        remember(b, false);
        break;
    case BRAKE_REFUSED:
        remember(b, true);
        break;
    case BRAKE_REFUSED_AGAIN:
        break;
    }
}

static void wait_for_probe(struct brake *b, uint32_t random, int64_t now_us)
{
    b->state = BRAKE_ON;
    b->next_probe_us = now_us + backoff_next(&b->backoff, random);
}

enum brake_news brake_settle(struct brake *b, uint32_t random, int64_t now_us)
{
    if (b->state != BRAKE_OFF || b->refused <= BRAKE_WINDOW / 2) {
        return BRAKE_SAME;
    }
    b->since_us = now_us;
    wait_for_probe(b, random, now_us);
    return BRAKE_PUT_ON;
}

enum brake_news brake_settle_probe(struct brake *b, bool stored, bool refused, uint32_t random,
                                   int64_t now_us)
{
    if (b->state != BRAKE_PROBING) {
        return BRAKE_SAME;
    }
    if (stored) {
        brake_init(b);
        return BRAKE_RELEASED;
    }
    if (refused) {
        wait_for_probe(b, random, now_us);
    } else {
        b->state = BRAKE_ON; /* no verdict yet: the next probe is due at once */
        b->next_probe_us = now_us;
    }
    return BRAKE_SAME;
}

bool brake_is_on(const struct brake *b)
{
    return b->state != BRAKE_OFF;
}

bool brake_probe_due(const struct brake *b, int64_t now_us)
{
    return b->state == BRAKE_ON && now_us >= b->next_probe_us;
}

void brake_begin_probe(struct brake *b)
{
    b->state = BRAKE_PROBING;
}
