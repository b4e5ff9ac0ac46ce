/* SPDX-License-Identifier: MIT */
#include "confirm.h"

#include <assert.h>
#include <stdlib.h>

#define CAPACITY_LEAST 16

struct confirm_entry {
    void *ticket; /* NULL when settled */
    int64_t at_us;
    bool returned;
};

static struct confirm_entry *entry_of(const struct confirm *c, uint64_t number)
{
    return &c->ring[number & (c->capacity - 1)];
}

void confirm_init(struct confirm *c, size_t most, confirm_done *done, void *context)
{
    assert(most >= CAPACITY_LEAST && (most & (most - 1)) == 0);
    *c = (struct confirm){.most = most, .first = 1, .next = 1, .done = done, .context = context};
}

static bool grow(struct confirm *c)
{
    struct confirm wider = *c;

    if (c->capacity == c->most) {
        return false;
    }
    wider.capacity = c->capacity == 0 ? CAPACITY_LEAST : 2 * c->capacity;
    wider.ring = calloc(wider.capacity, sizeof *wider.ring);
    if (wider.ring == NULL) {
        return false;
    }
    for (uint64_t number = c->first; number < c->next; number++) {
        *entry_of(&wider, number) = *entry_of(c, number);
    }
    free(c->ring);
    *c = wider;
    return true;
}

uint64_t confirm_add(struct confirm *c, void *ticket, int64_t at_us)
{
    if (c->next - c->first == c->capacity && !grow(c)) {
        return 0;
    }
    *entry_of(c, c->next) = (struct confirm_entry){.ticket = ticket, .at_us = at_us};
    c->outstanding++;
    return c->next++;
}

static bool is_outstanding(const struct confirm *c, uint64_t number)
{
    return number >= c->first && number < c->next && entry_of(c, number)->ticket != NULL;
}

bool confirm_returned(struct confirm *c, uint64_t number)
{
    if (!is_outstanding(c, number)) {
        return false;
    }
    entry_of(c, number)->returned = true;
    return true;
}

static void settle(struct confirm *c, uint64_t number, enum confirm_outcome outcome)
{
    struct confirm_entry *e = entry_of(c, number);
    void *ticket = e->ticket;

    e->ticket = NULL;
    c->outstanding--;
    if (outcome == CONFIRM_STORED && e->returned) {
        outcome = CONFIRM_RETURNED;
    }
    c->done(c->context, ticket, outcome);
}

static void advance(struct confirm *c)
{
    while (c->first < c->next && entry_of(c, c->first)->ticket == NULL) {
        c->first++;
    }
}

bool confirm_settle(struct confirm *c, uint64_t tag, bool multiple, bool stored)
{
    enum confirm_outcome outcome = stored ? CONFIRM_STORED : CONFIRM_REFUSED;

    if (tag == 0 && multiple) {
        tag = c->next - 1;
    }
    if (tag >= c->next || (!multiple && !is_outstanding(c, tag))) {
        return false;
    }
    for (uint64_t number = multiple ? c->first : tag; number <= tag; number++) {
        if (is_outstanding(c, number)) {
            settle(c, number, outcome);
        }
    }
    advance(c);
    return true;
}

void confirm_each(const struct confirm *c, void (*visit)(void *ticket))
{
    for (uint64_t number = c->first; number < c->next; number++) {
        if (is_outstanding(c, number)) {
            visit(entry_of(c, number)->ticket);
        }
    }
}

void confirm_lose(struct confirm *c)
{
    for (uint64_t number = c->first; number < c->next; number++) {
        if (is_outstanding(c, number)) {
            settle(c, number, CONFIRM_LOST);
        }
    }
    c->first = c->next = 1;
}

int64_t confirm_oldest_us(const struct confirm *c)
{
    return c->first == c->next ? INT64_MAX : entry_of(c, c->first)->at_us;
}

void confirm_free(struct confirm *c)
{
    assert(c->outstanding == 0);
    free(c->ring);
    c->ring = NULL;
    c->capacity = 0;
}
