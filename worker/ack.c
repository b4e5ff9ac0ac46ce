/* SPDX-License-Identifier: MIT */
#include "ack.h"

#include <assert.h>
#include <stdlib.h>

enum state { UNSETTLED, SETTLED, GIVEN_BACK };

struct ack_entry {
    uint64_t tag;
    size_t events, left; /* left: those that are neither settled nor given back */
    size_t bytes;
    int64_t since_us;
    enum state state;
    bool goes_back;
};

enum error_code ack_init(struct ack *a, size_t most, struct error *error)
{
    *a = (struct ack){.most = most};
    a->entries = calloc(most, sizeof *a->entries);
    if (a->entries == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for %zu delivery tags", most);
    }
    ack_reset(a);
    return ERROR_NONE;
}

void ack_reset(struct ack *a)
{
    a->count = 0;
    a->events = 0;
    a->bytes = 0;
    a->next = 1;
    a->settled = false;
}

bool ack_received(struct ack *a, uint64_t tag, size_t events, size_t bytes, int64_t since_us)
{
    if (tag != a->next || a->count == a->most) {
        return false;
    }
    a->entries[a->count++] = (struct ack_entry){.tag = tag,
                                                .events = events,
                                                .left = events,
                                                .bytes = bytes,
                                                .since_us = since_us,
                                                .state = UNSETTLED};
    a->events += events;
    a->bytes += bytes;
    a->next++;
    return true;
}

static struct ack_entry *find(const struct ack *a, uint64_t tag)
{
    size_t low = 0, high = a->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (a->entries[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low < a->count && a->entries[low].tag == tag);
    return &a->entries[low];
}

static bool leave(struct ack *a, uint64_t tag, size_t bytes, bool goes_back)
{
    struct ack_entry *entry = find(a, tag);

    assert(entry->left > 0);
    entry->left--;
    bytes = entry->left == 0 || bytes > entry->bytes ? entry->bytes : bytes;
    entry->bytes -= bytes;
    a->bytes -= bytes;
    entry->goes_back = entry->goes_back || goes_back;
    if (entry->left > 0) {
        return false;
    }
    entry->state = entry->goes_back ? GIVEN_BACK : SETTLED;
    a->settled = true;
    return entry->goes_back;
}

bool ack_settle(struct ack *a, uint64_t tag, size_t bytes)
{
    return leave(a, tag, bytes, false);
}

bool ack_give_back(struct ack *a, uint64_t tag, size_t bytes)
{
    return leave(a, tag, bytes, true);
}

/* Acks all tags before the first unsettled one with a single frame. Returns the number of these entries, or
 * SIZE_MAX when the frame could not be sent. */
static size_t flush_prefix(struct ack *a, bool (*send)(void *, uint64_t, bool), void *context)
{
    uint64_t last = 0; /* never a tag that was given back: the broker no longer knows it */
    size_t count = 0;

    while (count < a->count && a->entries[count].state != UNSETTLED) {
        if (a->entries[count].state == SETTLED) {
            last = a->entries[count].tag;
        }
        count++;
    }
    return last == 0 || send(context, last, true) ? count : SIZE_MAX;
}

bool ack_flush(struct ack *a, bool (*send)(void *context, uint64_t tag, bool multiple), void *context)
{
    size_t prefix, kept = 0;

    if (!a->settled) {
        return true;
    }
    a->settled = false;
    prefix = flush_prefix(a, send, context);
    if (prefix == SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < prefix; i++) {
        a->events -= a->entries[i].events;
    }
    for (size_t i = prefix; i < a->count; i++) {
        if (a->entries[i].state == UNSETTLED) {
            a->entries[kept++] = a->entries[i];
            continue;
        }
        if (a->entries[i].state == SETTLED && !send(context, a->entries[i].tag, false)) {
            return false;
        }
        a->events -= a->entries[i].events;
    }
    a->count = kept;
    return true;
}

size_t ack_owed(const struct ack *a)
{
    return a->count;
}

size_t ack_events(const struct ack *a)
{
    return a->events;
}

size_t ack_bytes(const struct ack *a)
{
    return a->bytes;
}

int64_t ack_oldest_us(const struct ack *a)
{
    int64_t oldest_us = 0;

    for (size_t i = 0; i < a->count; i++) {
        const struct ack_entry *entry = &a->entries[i];

        if (entry->state == UNSETTLED && (oldest_us == 0 || entry->since_us < oldest_us)) {
            oldest_us = entry->since_us;
        }
    }
    return oldest_us;
}

void ack_free(struct ack *a)
{
    free(a->entries);
    *a = (struct ack){0};
}
