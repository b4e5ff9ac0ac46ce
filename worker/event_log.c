/* SPDX-License-Identifier: MIT */
#include "event_log.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "source_events.h"
#include "trace_context.h"

enum { STORED, REPLACED, UNCHANGED, DEAD, AGAIN, METRICS };

static struct metric metrics[METRICS] = {
    [STORED] = {"sluice_worker_events_total", "outcome=\"stored\"",
                "Events by what became of them: stored, replaced (a row by a newer arrival, or a replayed "
                "row by itself), unchanged (the "
                "row is newer, or the same), dead.",
                METRIC_COUNTER, 0},
    [REPLACED] = {"sluice_worker_events_total", "outcome=\"replaced\"", NULL, METRIC_COUNTER, 0},
    [UNCHANGED] = {"sluice_worker_events_total", "outcome=\"unchanged\"", NULL, METRIC_COUNTER, 0},
    [DEAD] = {"sluice_worker_events_total", "outcome=\"dead\"", NULL, METRIC_COUNTER, 0},
    [AGAIN] = {"sluice_worker_again_total", NULL,
               "Events whose batch failed, by no fault of theirs, and that are tried again.", METRIC_COUNTER,
               0},
};

void event_log_register(void)
{
    metrics_register(metrics, METRICS);
}

static const char *reason_of(const struct event *event)
{
    return event->reason == NULL ? "" : event->reason;
}

static void log_row(const char *outcome, const struct event *event, int64_t slow_ms)
{
    struct log_field source = log_span("source", event->envelope.source);
    struct log_field id = log_span("id", event->envelope.id),
                     trace = trace_field(event->envelope.traceparent);

    if (slow_ms > 0) {
        log_info(outcome, source, id, log_number("slow_ms", slow_ms), trace);
    } else {
        log_info(outcome, source, id, trace);
    }
}

static void count_row(const struct event *event, int metric, const char *outcome, bool own, int64_t slow_ms)
{
    metric_add(&metrics[metric], 1);
    if (own) {
        log_row(outcome, event, slow_ms);
    }
}

void event_log_outcome(const struct event *event, bool own, int64_t slow_ms, int64_t wall_us)
{
    struct log_field source = log_span("source", event->envelope.source);
    struct log_field id = log_span("id", event->envelope.id);

    source_events_count(event, wall_us);
    switch (event->state) {
    case EVENT_STORED:
        count_row(event, STORED, "stored", own, slow_ms);
        break;
    case EVENT_REPLACED:
        count_row(event, REPLACED, "replaced", own, slow_ms);
        break;
    case EVENT_UNCHANGED:
        count_row(event, UNCHANGED, "unchanged", own, slow_ms);
        break;
    case EVENT_DEAD:
        metric_add(&metrics[DEAD], 1);
        log_warning("dead", source, id, log_text("verdict", verdict_name(event->verdict)),
                    log_text("sqlstate", event->sqlstate), trace_field(event->envelope.traceparent));
        break;
    case EVENT_RETRIED:
        if (event->postponed) {
            break; /* event_log_postponed has told */
        }
        log_info("retried", source, id, log_text("sqlstate", event->sqlstate),
                 log_text("reason", reason_of(event)), log_number("attempt", event->envelope.attempt + 1),
                 trace_field(event->envelope.traceparent));
        break;
    case EVENT_FAILED:
        metric_add(&metrics[AGAIN], 1);
        break;
    case EVENT_WAITING:
        break;
    }
}

void event_log_parked(const struct event *event, int64_t wait_us)
{
    log_warning("parked", log_span("source", event->envelope.source), log_span("id", event->envelope.id),
                log_text("verdict", verdict_name(event->verdict)), log_text("sqlstate", event->sqlstate),
                log_text("reason", reason_of(event)), log_number("failures", event->failures),
                log_number("retry_ms", wait_us / CLOCK_US_PER_MS), trace_field(event->envelope.traceparent));
}

void event_log_postponed(const struct event *event, int64_t wait_us, const char *reason)
{
    log_info("postponed", log_span("source", event->envelope.source), log_span("id", event->envelope.id),
             log_text("reason", reason), log_number("wait_s", wait_us / CLOCK_US_PER_S),
             trace_field(event->envelope.traceparent));
}

void event_log_newer(const struct event *event)
{
    static _Atomic int64_t last_us;

    if (log_is_due(&last_us)) {
        log_error("newer", log_span("source", event->envelope.source), log_text("reason", reason_of(event)),
                  log_text("message", "upgrade this worker; such events wait in a retry queue meanwhile"));
    }
}

void event_log_given_back(const struct event *event)
{
    log_warning("given-back", log_span("source", event->envelope.source), log_span("id", event->envelope.id),
                log_number("deliveries", event->envelope.delivery_count + 1),
                log_text("reason", "it could not be stored for WORKER_HOLD, and no retry queue takes it"),
                trace_field(event->envelope.traceparent));
}
