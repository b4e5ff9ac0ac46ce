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
        b->now_stored++;
        remember(b, false);
        break;
    case BRAKE_REFUSED:
        b->now_refused++;
        remember(b, true);
        break;
    case BRAKE_REFUSED_AGAIN:
        b->now_refused++;
        break;
    }
}

static void wait_for_probe(struct brake *b, uint32_t random, int64_t now_us)
{
    b->state = BRAKE_ON;
    b->next_probe_us = now_us + backoff_next(&b->backoff, random);
}

static enum brake_news settle_probe(struct brake *b, size_t stored, size_t refused, uint32_t random,
                                    int64_t now_us)
{
    if (stored > 0) {
        brake_init(b);
        return BRAKE_RELEASED;
    }
    if (refused > 0) {
        wait_for_probe(b, random, now_us);
    } else {
        b->state = BRAKE_ON; /* it got no verdict: the same again, when the database can say one */
    }
    return BRAKE_SAME;
}

enum brake_news brake_settle(struct brake *b, uint32_t random, int64_t now_us)
{
    size_t stored = b->now_stored, refused = b->now_refused;

    b->now_stored = b->now_refused = 0;
    switch (b->state) {
    case BRAKE_OFF:
        if (b->refused > BRAKE_WINDOW / 2) {
            b->since_us = now_us;
            wait_for_probe(b, random, now_us);
            return BRAKE_PUT_ON;
        }
        break;
    case BRAKE_ON: /* a batch that had begun before */
        break;
    case BRAKE_PROBING:
        return settle_probe(b, stored, refused, random, now_us);
    }
    return BRAKE_SAME;
}

size_t brake_allows(const struct brake *b, bool idle, int64_t now_us)
{
    if (b->state == BRAKE_OFF) {
        return SIZE_MAX;
    }
    return b->state == BRAKE_ON && idle && now_us >= b->next_probe_us;
}

void brake_begin(struct brake *b)
{
    if (b->state == BRAKE_ON) {
        b->state = BRAKE_PROBING;
    }
}
