/* SPDX-License-Identifier: MIT */
#include "ack.h"

#include <assert.h>
#include <stdlib.h>

enum error_code ack_init(struct ack *a, size_t capacity, struct error *error)
{
    *a = (struct ack){.settled = calloc(capacity, sizeof *a->settled), .capacity = capacity};
    if (a->settled == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for %zu delivery tags", capacity);
    }
    ack_reset(a);
    return ERROR_NONE;
}

void ack_reset(struct ack *a)
{
    a->first = 1;
    a->next = 1;
}

bool ack_received(struct ack *a, uint64_t tag)
{
    if (tag != a->next || ack_owed(a) == a->capacity) {
        return false;
    }
    a->settled[tag % a->capacity] = false;
    a->next++;
    return true;
}

void ack_settle(struct ack *a, uint64_t tag)
{
    assert(tag >= a->first && tag < a->next && !a->settled[tag % a->capacity]);
    a->settled[tag % a->capacity] = true;
}

uint64_t ack_take(struct ack *a)
{
    uint64_t before = a->first;

    while (a->first < a->next && a->settled[a->first % a->capacity]) {
        a->first++;
    }
    return a->first == before ? 0 : a->first - 1;
}

size_t ack_owed(const struct ack *a)
{
    return (size_t)(a->next - a->first);
}

void ack_free(struct ack *a)
{
    free(a->settled);
    *a = (struct ack){0};
}
