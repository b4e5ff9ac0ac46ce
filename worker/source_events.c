/* SPDX-License-Identifier: MIT */
#include "source_events.h"

#include "metrics.h"

#include <string.h>

#define NAMES_MOST 256 /* as many as a routes file may have */
#define OTHERS NAMES_MOST

enum { STORED, REPLACED, UNCHANGED, RETRIED, DEAD, LAST_STORED, COLUMNS };

#define EVENTS "sluice_worker_source_events_total"
#define EVENTS_HELP                                                                                         \
    "Events of this source by what became of them: stored, replaced (a row by a newer arrival), unchanged " \
    "(the "                                                                                                 \
    "row is newer, or the same), retried (given to a retry queue after a failure), dead."
static const struct metric_column columns[COLUMNS] = {
    [STORED] = {EVENTS, "outcome=\"stored\"", EVENTS_HELP, METRIC_COUNTER},
    [REPLACED] = {EVENTS, "outcome=\"replaced\"", EVENTS_HELP, METRIC_COUNTER},
    [UNCHANGED] = {EVENTS, "outcome=\"unchanged\"", EVENTS_HELP, METRIC_COUNTER},
    [RETRIED] = {EVENTS, "outcome=\"retried\"", EVENTS_HELP, METRIC_COUNTER},
    [DEAD] = {EVENTS, "outcome=\"dead\"", EVENTS_HELP, METRIC_COUNTER},
    [LAST_STORED] =
        {"sluice_worker_source_last_stored_timestamp_seconds", NULL,
         "When this worker last stored an event of this source, in seconds since 1970. No row before "
         "the first one.",
         METRIC_TIMESTAMP},
};

/* Names are only added, and their number is raised afterwards: so any thread may read those below it. */
static struct {
    char name[ENVELOPE_SOURCE_MAX + 1];
    _Atomic int64_t values[COLUMNS];
} sources[NAMES_MOST + 1];
static _Atomic size_t named;
static atomic_bool others_seen;

static void each(metric_show *show, void *context)
{
    size_t count = atomic_load(&named);

    for (size_t i = 0; i < count; i++) {
        show(context, span_of(sources[i].name), sources[i].values);
    }
    if (atomic_load(&others_seen)) {
        show(context, SPAN_LITERAL("(others)"), sources[OTHERS].values);
    }
}

void source_events_register(void)
{
    static const struct metric_family family = {"source", columns, COLUMNS, each};

    metrics_register_family(&family);
}

static size_t add(struct span name, size_t count)
{
    if (count == NAMES_MOST) {
        atomic_store(&others_seen, true);
        return OTHERS;
    }
    memcpy(sources[count].name, name.data, name.len); /* it was zeroed */
    atomic_store(&named, count + 1);
    return count;
}

/* Events of one source often come together, so the last one found is tried first. */
static size_t find(struct span name)
{
    static size_t last;
    size_t count = atomic_load_explicit(&named, memory_order_relaxed);

    if (!envelope_source_valid(name)) {
        atomic_store(&others_seen, true);
        return OTHERS;
    }
    if (last < count && span_equal(span_of(sources[last].name), name)) {
        return last;
    }
    for (size_t i = 0; i < count; i++) {
        if (span_equal(span_of(sources[i].name), name)) {
            last = i;
            return i;
        }
    }
    return add(name, count);
}

/* COLUMNS: nothing to count. */
static size_t column_of(const struct event *event)
{
    switch (event->state) {
    case EVENT_STORED:
        return STORED;
    case EVENT_REPLACED:
        return REPLACED;
    case EVENT_UNCHANGED:
        return UNCHANGED;
    case EVENT_DEAD:
        return DEAD;
    case EVENT_RETRIED:
        return event->postponed ? COLUMNS : RETRIED;
    case EVENT_WAITING:
    case EVENT_FAILED:
        return COLUMNS;
    }
    return COLUMNS;
}

void source_events_count(const struct event *event, int64_t now_us)
{
    size_t column = column_of(event), at;

    if (column == COLUMNS) {
        return;
    }
    at = find(event->envelope.source);
    (void)atomic_fetch_add_explicit(&sources[at].values[column], 1, memory_order_relaxed);
    if ((column == STORED || column == REPLACED) && !event_is_again(event)) {
        atomic_store_explicit(&sources[at].values[LAST_STORED], now_us, memory_order_relaxed);
    }
}
