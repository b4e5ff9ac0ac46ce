/* SPDX-License-Identifier: MIT */
#include "history.h"

#include "clock.h"

void history_add(struct history *history, const struct overview *overview)
{
    const struct totals *totals = &overview->totals;
    struct queue_depth ingest;
    bool known = overview_ingest(overview, &ingest);
    size_t place = (history->first + history->count) % HISTORY_MAX;

    if (history->count == HISTORY_MAX) {
        history->first = (history->first + 1) % HISTORY_MAX;
    } else {
        history->count++;
    }
    history->readings[place] = (struct reading){
        .at_us = overview->at_us,
        .generation = totals->generation,
        .accepted = totals->accepted,
        .refused = totals->refused,
        .unavailable = totals->unavailable,
        .stored = totals->stored,
        .dead = totals->dead,
        .log_dropped = totals->log_dropped,
        .queue = known ? (int64_t)ingest.ready : OVERVIEW_UNKNOWN,
    };
}

const struct reading *history_at(const struct history *history, size_t rank)
{
    return &history->readings[(history->first + rank) % HISTORY_MAX];
}

const struct reading *history_since(const struct history *history, int64_t age_us)
{
    int64_t from_us;

    if (history->count < 2) {
        return NULL;
    }
    from_us = history_at(history, history->count - 1)->at_us - age_us;
    for (size_t rank = 0; rank + 1 < history->count; rank++) {
        if (history_at(history, rank)->at_us >= from_us) {
            return history_at(history, rank);
        }
    }
    return NULL;
}

struct rates history_rates(const struct reading *before, const struct reading *now)
{
    double seconds;

    if (before == NULL || now->at_us <= before->at_us || now->generation != before->generation ||
        now->generation == 0) {
        return (struct rates){-1, -1, -1, -1};
    }
    seconds = (double)(now->at_us - before->at_us) / CLOCK_US_PER_S;
    return (struct rates){(now->accepted - before->accepted) / seconds,
                          (now->refused - before->refused) / seconds,
                          (now->stored - before->stored) / seconds, (now->dead - before->dead) / seconds};
}
