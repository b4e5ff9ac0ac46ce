/* SPDX-License-Identifier: MIT */
#include "prefetch.h"

#define PARTS 256 /* of an event, so that an average of few can be told */

/* The first one counts whole, then each for a sixteenth. */
static size_t average(size_t usual, size_t next)
{
    return usual == 0 ? next : usual - usual / 16 + next / 16;
}

void prefetch_note(struct prefetch *p, size_t events, size_t bytes)
{
    p->usual_bytes = average(p->usual_bytes, bytes);
    p->usual_events = average(p->usual_events, PARTS * events);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

uint16_t prefetch_now(const struct prefetch *p)
{
    size_t room = p->most;

    if (p->usual_bytes > 0) {
        room = smaller(p->memory / 2 / p->usual_bytes, (size_t)p->most * PARTS / p->usual_events);
    }
    return room < 1 ? 1 : room < p->most ? (uint16_t)room : p->most;
}

bool prefetch_is_exceeded(const struct prefetch *p, const struct ack *ack)
{
    return ack_bytes(ack) > p->memory;
}

bool prefetch_may_go_on(const struct prefetch *p, const struct ack *ack)
{
    return ack_bytes(ack) <= p->memory / 2 && ack_owed(ack) <= p->most;
}

bool prefetch_may_rise(const struct prefetch *p, uint16_t prefetch, const struct ack *ack)
{
    uint16_t next = prefetch_now(p);

    return prefetch < next && (next == p->most || next / 2 >= prefetch) && ack_owed(ack) <= p->most;
}
