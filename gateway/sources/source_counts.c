/* SPDX-License-Identifier: MIT */
#include "source_counts.h"

#include <stdlib.h>

#define NUMBER(name, label, status, retry_after, close) NUMBER_OF_##name,
enum { REPLIES(NUMBER) KINDS };
#undef NUMBER

/* The refused are counted by the kind of reply, from REFUSED on. */
enum { ACCEPTED, LAST_ACCEPTED, LAST_REFUSED, UNORDERED, REFUSED, VALUES = REFUSED + KINDS };

struct source_counts {
    atomic_int holds;
    _Atomic int64_t values[VALUES];
};

#define REFUSED_COLUMN(kind, label, status, retry_after, close)                                       \
    [REFUSED + (kind)] = {"sluice_gateway_source_refused_total", "cause=\"" label "\"",               \
                          "Requests of this source that were refused, by cause: the outcomes of "     \
                          "sluice_gateway_replies_total that are possible once the source is known.", \
                          METRIC_COUNTER},
static struct metric_column columns[VALUES] = {
    [ACCEPTED] = {"sluice_gateway_source_accepted_total", NULL,
                  "Events of this source that the broker has confirmed.", METRIC_COUNTER},
    [LAST_ACCEPTED] =
        {"sluice_gateway_source_last_accepted_timestamp_seconds", NULL,
         "When the last event of this source was accepted, in seconds since 1970. No row before "
         "the first one.",
         METRIC_TIMESTAMP},
    [LAST_REFUSED] =
        {"sluice_gateway_source_last_refused_timestamp_seconds", NULL,
         "When the last request of this source was refused, in seconds since 1970. No row before "
         "the first one.",
         METRIC_TIMESTAMP},
    [UNORDERED] = {"sluice_gateway_source_unordered_total", NULL,
                   "Verified events of this source without the order that it names: the value is absent, or "
                   "neither a 64-bit integer nor an RFC 3339 time.",
                   METRIC_COUNTER},
    REPLIES(REFUSED_COLUMN)};
#undef REFUSED_COLUMN

/* False for replies that refuse nothing, or that come before the source is known. */
static bool is_refusal(enum reply_kind kind)
{
    switch (kind) {
    case REPLY_QUEUED:
    case REPLY_CHALLENGE:
    case REPLY_SERVER:
    case REPLY_UNKNOWN:
    case REPLY_LONG_TARGET:
    case REPLY_EXPECTATION:
    case REPLY_NOT_IMPLEMENTED:
    case REPLY_DRAINING:
    case REPLY_LIBRARY:
    case REPLY_VERSION:
        return false;
    case REPLY_AWAY:
    case REPLY_UNDECLARED:
    case REPLY_BLOCKED:
    case REPLY_SLOW:
    case REPLY_OVERSIZE:
    case REPLY_MEMORY:
    case REPLY_UNROUTABLE:
    case REPLY_NACKED:
    case REPLY_LOST:
    case REPLY_LATE:
    case REPLY_MALFORMED:
    case REPLY_SHORT:
    case REPLY_BAD_ID:
    case REPLY_UNVERIFIED:
    case REPLY_METHOD:
    case REPLY_SLOW_SENDER:
    case REPLY_TOO_LARGE:
    case REPLY_THROTTLED:
    case REPLY_HEADERS:
    case REPLY_BUSY:
    case REPLY_CROWDED:
        return true;
    }
    return false;
}

void source_counts_register(void (*each)(metric_show *show, void *context))
{
    static struct metric_family family = {.label = "source", .columns = columns, .count = VALUES};

    for (int kind = 0; kind < KINDS; kind++) {
        if (!is_refusal((enum reply_kind)kind)) {
            columns[REFUSED + kind].name = NULL;
        }
    }
    family.each = each;
    metrics_register_family(&family);
}

struct source_counts *source_counts_new(void)
{
    struct source_counts *c = calloc(1, sizeof *c);

    if (c != NULL) {
        c->holds = 1;
    }
    return c;
}

struct source_counts *source_counts_share(struct source_counts *c)
{
    (void)atomic_fetch_add(&c->holds, 1);
    return c;
}

void source_counts_release(struct source_counts *c)
{
    if (c != NULL && atomic_fetch_sub(&c->holds, 1) == 1) {
        free(c);
    }
}

static void add_one(_Atomic int64_t *value)
{
    (void)atomic_fetch_add_explicit(value, 1, memory_order_relaxed);
}

/* Two threads may set a time in either order: they differ by microseconds. */
void source_counts_reply(struct source_counts *c, enum reply_kind kind, int64_t now_us)
{
    if (kind == REPLY_QUEUED) {
        add_one(&c->values[ACCEPTED]);
        atomic_store_explicit(&c->values[LAST_ACCEPTED], now_us, memory_order_relaxed);
    } else if (is_refusal(kind)) {
        add_one(&c->values[REFUSED + kind]);
        atomic_store_explicit(&c->values[LAST_REFUSED], now_us, memory_order_relaxed);
    }
}

void source_counts_unordered(struct source_counts *c)
{
    add_one(&c->values[UNORDERED]);
}

const _Atomic int64_t *source_counts_values(const struct source_counts *c)
{
    return c->values;
}
