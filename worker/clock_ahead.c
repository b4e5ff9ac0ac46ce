/* SPDX-License-Identifier: MIT */
#include "clock_ahead.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"

#define AHEAD_US CLOCK_US_PER_S /* NTP keeps clocks much closer than that */
#define LOG_EVERY_US (60 * CLOCK_US_PER_S)

static struct metric metrics[] = {
    {"sluice_worker_clock_ahead_total", NULL,
     "Deliveries of events that a gateway received more than 1 s after now, by this worker's clock.",
     METRIC_COUNTER, 0},
};
static int64_t logged_us; /* monotonic; 0: never */

void clock_ahead_register(void)
{
    metrics_register(metrics, sizeof metrics / sizeof metrics[0]);
}

void clock_ahead_delivered(const struct event *event, int64_t wall_us)
{
    int64_t ahead_us, now_us;

    if (event->form != EVENT_READABLE) {
        return;
    }
    ahead_us = event->envelope.received_us - wall_us;
    if (ahead_us <= AHEAD_US) {
        return;
    }
    metric_add(&metrics[0], 1);
    now_us = clock_monotonic_us();
    if (logged_us == 0 || now_us - logged_us >= LOG_EVERY_US) {
        logged_us = now_us;
        log_warning("clock-ahead", log_span("source", event->envelope.source),
                    log_span("id", event->envelope.id), log_number("by_ms", ahead_us / CLOCK_US_PER_MS),
                    log_text("message",
                             "a gateway's clock is ahead of this worker's: synchronise them; until "
                             "then its events win over newer ones"));
    }
}
