/* SPDX-License-Identifier: MIT */
#include "ack.h"

#include <assert.h>
#include <stdlib.h>

#define SPANS 32

enum error_code ack_init(struct ack *a, size_t most, struct error *error)
{
    *a = (struct ack){.most = most, .span = SPANS * most};
    a->states = calloc(a->span, sizeof *a->states);
    if (a->states == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for %zu delivery tags", a->span);
    }
    ack_reset(a);
    return ERROR_NONE;
}

void ack_reset(struct ack *a)
{
    a->first = 1;
    a->next = 1;
    a->owed = 0;
}

static unsigned char *state_of(const struct ack *a, uint64_t tag)
{
    return &a->states[tag % a->span];
}

bool ack_received(struct ack *a, uint64_t tag)
{
    if (tag != a->next || a->owed == a->most || a->next - a->first == a->span) {
        return false;
    }
    *state_of(a, tag) = ACK_UNSETTLED;
    a->next++;
    a->owed++;
    return true;
}

void ack_settle(struct ack *a, uint64_t tag)
{
    assert(tag >= a->first && tag < a->next && *state_of(a, tag) == ACK_UNSETTLED);
    *state_of(a, tag) = ACK_SETTLED;
}

uint64_t ack_take(struct ack *a)
{
    uint64_t last = 0; /* one that was acked alone is unknown to the broker by now */

    while (a->first < a->next && *state_of(a, a->first) != ACK_UNSETTLED) {
        if (*state_of(a, a->first) == ACK_SETTLED) {
            last = a->first;
            a->owed--;
        }
        a->first++;
    }
    return last;
}

uint64_t ack_take_alone(struct ack *a)
{
    for (uint64_t tag = a->first; tag < a->next; tag++) {
        if (*state_of(a, tag) == ACK_SETTLED) {
            *state_of(a, tag) = ACK_ALONE;
            a->owed--;
            return tag;
        }
    }
    return 0;
}

size_t ack_owed(const struct ack *a)
{
    return a->owed;
}

void ack_free(struct ack *a)
{
    free(a->states);
    *a = (struct ack){0};
}
