/* SPDX-License-Identifier: MIT */
#include "prefetch.h"

void prefetch_note(struct prefetch *p, size_t bytes)
{
    /* The first one counts whole, then each for a sixteenth. */
    p->usual_bytes = p->usual_bytes == 0 ? bytes : p->usual_bytes - p->usual_bytes / 16 + bytes / 16;
}

uint16_t prefetch_now(const struct prefetch *p)
{
    size_t room = p->usual_bytes == 0 ? p->most : p->memory / 2 / p->usual_bytes;

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
