/* SPDX-License-Identifier: MIT */
#include "unverified.h"

#include "log.h"
#include "metrics.h"

#define METRIC(name, label)                                             \
    [name] = {"sluice_gateway_unverified_total", "cause=\"" label "\"", \
              "Requests refused with 401, by cause.", METRIC_COUNTER, 0},
static struct metric counters[] = {VERIFY_CAUSES(METRIC)};
#undef METRIC

#define CAUSES (sizeof counters / sizeof counters[0])

static _Atomic int64_t logged_at[CAUSES]; /* monotonic; 0: never */

void unverified_register(void)
{
    metrics_register(counters + 1, CAUSES - 1); /* all but "none" */
}

void unverified_record(enum verify_cause cause, struct span source, struct span remote)
{
    bool due = log_is_due(&logged_at[cause]);

    metric_add(&counters[cause], 1);
    if (due || log_enabled(LOG_DEBUG)) {
        log_write(due ? LOG_WARNING : LOG_DEBUG, "not-verified",
                  LOG_FIELDS(log_text("cause", verify_cause_label(cause)), log_span("source", source),
                             log_number("so_far", metric_get(&counters[cause])), log_span("remote", remote)));
    }
}
