/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "rows.h"

#include <stdlib.h>

#define FIRST_ITEM 2 /* the items before it are for PLAN_NO_FLUSH and PLAN_TIME, where they are needed */
#define OWN_ITEMS 5

enum error_code plan_init(struct plan *p, size_t most_events, int64_t tiers, bool guarded,
                          struct error *error)
{
    *p = (struct plan){.tiers = tiers, .guarded = guarded};
    p->items = calloc(most_events + OWN_ITEMS, sizeof *p->items);
    return p->items == NULL ? error_set(error, ERROR_MEMORY, "no memory for a batch") : ERROR_NONE;
}

void plan_forget(struct plan *p)
{
    p->count = 0;
    p->is_short = false;
}

void plan_free(struct plan *p)
{
    free(p->items);
    *p = (struct plan){0};
}

static bool is_to_be_buried(const struct plan *p, const struct event *event)
{
    if (event->state != EVENT_FAILED || event->form == EVENT_NEWER) {
        return false;
    }
    switch (event->verdict) {
    case VERDICT_POISON:
        return true;
    case VERDICT_LATER:
        return event->envelope.attempt >= p->tiers;
    case VERDICT_TRANSIENT:
    case VERDICT_OPERATOR:
    case VERDICT_UNCLEAR:
        return false;
    }
    return false;
}

static bool any_to_be_buried(const struct plan *p, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (is_to_be_buried(p, batch->events[i])) {
            return true;
        }
    }
    return false;
}

static void add(struct plan *p, enum plan_kind kind, bool ends)
{
    p->items[p->count++] = (struct plan_item){.kind = kind, .ends = ends};
}

static void add_events(struct plan *p, struct event *const *events, size_t count, bool buries, bool ends)
{
    p->items[p->count++] = (struct plan_item){
        .kind = PLAN_EVENTS, .events = events, .count = count, .buries = buries, .ends = ends};
}

static void put_before(struct plan *p, enum plan_kind kind)
{
    p->items[--p->first] = (struct plan_item){.kind = kind, .ends = true};
}

static void end_segment(struct plan *p)
{
    if (p->count > FIRST_ITEM) {
        p->items[p->count - 1].ends = true;
    }
}

static size_t segments(const struct plan *p)
{
    size_t count = 0;

    for (size_t i = FIRST_ITEM; i < p->count; i++) {
        count += p->items[i].ends;
    }
    return count;
}

/* Segments end after `most` events, and where it is known which events are good: before one that has failed,
 * and around those whose statement has failed. Returns the highest number of events of a statement. */
static size_t add_waiting(struct plan *p, const struct batch *batch, size_t most, bool together)
{
    size_t length = 0, highest = 0;

    for (size_t i = 0; i < batch->count;) {
        struct event *const *events = &batch->events[i];
        size_t rest = batch->count - i, run = 1;

        if (events[0]->state == EVENT_FAILED ||
            (i > 0 && events[0]->single != batch->events[i - 1]->single)) {
            end_segment(p);
            length = 0;
        }
        if (events[0]->state == EVENT_WAITING) {
            size_t room = most - length;

            run = together ? rows_run(events, rest < room ? rest : room) : 1;
            length += run;
            highest = run > highest ? run : highest;
            add_events(p, events, run, false, length == most);
            length = length == most ? 0 : length;
        }
        i += run;
    }
    end_segment(p);
    return highest;
}

static bool any_is_single(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->events[i]->single) {
            return true;
        }
    }
    return false;
}

/* Little time is for statements of several events. It stays for a few others among them, since changing it
 * costs as much as one, but not for the events of a statement that has failed. */
static void choose_time(struct plan *p, const struct batch *batch, bool several, bool together)
{
    bool is_short = (several || (together && p->is_short)) && !any_is_single(batch);

    if (p->is_short != is_short) {
        p->is_short = is_short;
        put_before(p, PLAN_TIME);
    }
}

bool plan_batch(struct plan *p, const struct batch *batch, size_t most, bool together)
{
    size_t count, highest;

    p->first = p->count = FIRST_ITEM;
    together = together && !any_to_be_buried(p, batch); /* a dead letter has its full time */
    highest = add_waiting(p, batch, most, together);
    for (size_t i = 0; i < batch->count; i++) {
        if (is_to_be_buried(p, batch->events[i])) {
            add_events(p, &batch->events[i], 1, true, true);
        }
    }
    count = segments(p);
    if (count == 0) {
        return false;
    }
    choose_time(p, batch, highest > 1, together);
    if (count > 1) {
        put_before(p, PLAN_NO_FLUSH);
        add(p, PLAN_FLUSH_ON, true);
        add(p, PLAN_FLUSH, true);
    }
    if (p->guarded) {
        add(p, PLAN_GUARD, true);
    }
    return true;
}

void plan_question(struct plan *p)
{
    p->first = p->count = FIRST_ITEM;
    add(p, PLAN_QUESTION, true);
}
