/* SPDX-License-Identifier: MIT */
#include "batch_log.h"

#include "clock.h"
#include "event_log.h"
#include "log.h"
#include "log_messages.h"

#define SUM_UP_US CLOCK_US_PER_S

/* Of the rows that were committed; trouble has lines of its own. */
struct sums {
    int64_t batches, rows, stored, replaced, unchanged;
    int64_t unlogged;      /* rows without a line of their own */
    int64_t longest_us;    /* from a batch's first statement to its last answer */
    int64_t oldest_lag_us; /* from an event's receipt to its commit */
};

static struct sums sampled; /* since the last line */
static int64_t due_us;      /* when the next line may come */

static bool is_row(const struct event *event)
{
    return event->state == EVENT_STORED || event->state == EVENT_REPLACED || event->state == EVENT_UNCHANGED;
}

static size_t rows_of(const struct batch *batch)
{
    size_t rows = 0;

    for (size_t i = 0; i < batch->count; i++) {
        rows += is_row(batch->events[i]);
    }
    return rows;
}

static void count(struct sums *sums, const struct event *event, bool own, int64_t wall_us)
{
    int64_t lag_us = event_is_again(event) ? 0 : wall_us - event->envelope.received_us;

    sums->rows++;
    sums->stored += event->state == EVENT_STORED;
    sums->replaced += event->state == EVENT_REPLACED;
    sums->unchanged += event->state == EVENT_UNCHANGED;
    sums->unlogged += !own;
    sums->oldest_lag_us = lag_us > sums->oldest_lag_us ? lag_us : sums->oldest_lag_us;
}

static void write_sums(const char *event, const struct sums *sums)
{
    log_info(event, log_number("batches", sums->batches), log_number("events", sums->rows),
             log_number("stored", sums->stored), log_number("replaced", sums->replaced),
             log_number("unchanged", sums->unchanged), log_number("unlogged", sums->unlogged),
             log_number("ms", sums->longest_us / CLOCK_US_PER_MS),
             log_number("oldest_ms", sums->oldest_lag_us / CLOCK_US_PER_MS));
}

/* Logs and counts each event. whole: all rows have lines of their own; else one that is slow, and with
 * `sampled` one that is in the sample. */
static void log_events(const struct batch *batch, bool whole, struct sums *sums, int64_t now_us)
{
    bool samples = log_messages_mode() == LOG_MESSAGES_SAMPLED;
    int64_t wall_us = clock_wall_us();

    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];
        int64_t here_us = now_us - event->delivered_us;
        bool slow = here_us >= LOG_MESSAGES_SLOW_US, own = whole;

        if (is_row(event)) {
            own = own || (samples && log_messages_samples(event->envelope.source, event->envelope.id)) ||
                  (slow && log_messages_take_few(LOG_FEW_TROUBLE, 1));
            count(sums, event, own, wall_us);
        }
        event_log_outcome(event, own, slow ? here_us / CLOCK_US_PER_MS : 0, wall_us);
    }
}

static void add(struct sums *sums, const struct sums *more)
{
    sums->batches += more->batches;
    sums->rows += more->rows;
    sums->stored += more->stored;
    sums->replaced += more->replaced;
    sums->unchanged += more->unchanged;
    sums->unlogged += more->unlogged;
    sums->longest_us = more->longest_us > sums->longest_us ? more->longest_us : sums->longest_us;
    sums->oldest_lag_us =
        more->oldest_lag_us > sums->oldest_lag_us ? more->oldest_lag_us : sums->oldest_lag_us;
}

void batch_log(const struct batch *batch, int64_t begun_us, int64_t now_us)
{
    struct sums sums = {.batches = 1, .longest_us = now_us - begun_us};

    switch (log_messages_mode()) {
    case LOG_MESSAGES_ALL:
        log_events(batch, true, &sums, now_us);
        break;
    case LOG_MESSAGES_SAMPLED:
        log_events(batch, false, &sums, now_us);
        add(&sampled, &sums);
        break;
    case LOG_MESSAGES_BATCHES:
        log_events(batch, log_messages_take_few(LOG_FEW_ORDINARY, rows_of(batch)), &sums, now_us);
        if (sums.unlogged > 0) {
            write_sums("batch", &sums);
        }
        break;
    case LOG_MESSAGES_OFF:
        log_events(batch, false, &sums, now_us);
        break;
    }
}

void batch_log_sum_up(int64_t now_us)
{
    if (now_us < due_us) {
        return;
    }
    due_us = now_us == INT64_MAX ? 0 : now_us + SUM_UP_US;
    if (sampled.unlogged > 0) {
        write_sums("summary", &sampled);
    }
    sampled = (struct sums){0};
}
