/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"

enum {
    STORED,
    REPLACED,
    UNCHANGED,
    DEAD,
    AGAIN,
    BATCHES,
    OPEN,
    NO_PLACE,
    FAILURES,
    STANDBY,
    PAUSED,
    BRAKED,
    BACKLOG,
    PARKED,
    HELD,
    BUDGET,
    METRICS
};

static struct metric metrics[METRICS] = {
    [STORED] = {"sluice_worker_events_total", "outcome=\"stored\"", "Events by what became of them.",
                METRIC_COUNTER, 0},
    [REPLACED] = {"sluice_worker_events_total", "outcome=\"replaced\"", NULL, METRIC_COUNTER, 0},
    [UNCHANGED] = {"sluice_worker_events_total", "outcome=\"unchanged\"", NULL, METRIC_COUNTER, 0},
    [DEAD] = {"sluice_worker_events_total", "outcome=\"dead\"", NULL, METRIC_COUNTER, 0},
    [AGAIN] = {"sluice_worker_again_total", NULL,
               "Events whose batch failed, by no fault of theirs, and that are tried again.", METRIC_COUNTER,
               0},
    [BATCHES] = {"sluice_worker_batches_total", NULL, "Batches that got their answers.", METRIC_COUNTER, 0},
    [OPEN] = {"sluice_worker_connections", NULL, "Postgres connections held now.", METRIC_GAUGE, 0},
    [NO_PLACE] = {"sluice_worker_no_place_total", NULL, "Connections refused because the budget was used up.",
                  METRIC_COUNTER, 0},
    [FAILURES] = {"sluice_worker_database_failures_total", NULL, "Postgres connections lost or not made.",
                  METRIC_COUNTER, 0},
    [STANDBY] = {"sluice_worker_standby", NULL, "1 while this worker waits for a place in the budget.",
                 METRIC_GAUGE, 0},
    [PAUSED] = {"sluice_worker_paused", NULL, "1 while somebody must repair the database first.",
                METRIC_GAUGE, 0},
    [BRAKED] = {"sluice_worker_braked", NULL,
                "Sources most of whose events are refused, so that one at a time is tried.", METRIC_GAUGE, 0},
    [BACKLOG] = {"sluice_worker_backlog", NULL, "Prefetched events that no slot has taken.", METRIC_GAUGE, 0},
    [PARKED] = {"sluice_worker_parked", NULL, "Events that failed by themselves and wait to be tried alone.",
                METRIC_GAUGE, 0},
    [HELD] = {"sluice_worker_braked_events", NULL, "Events that wait for the brake of their source.",
              METRIC_GAUGE, 0},
    [BUDGET] = {"sluice_worker_budget", NULL, "Connection limit of the worker's role.", METRIC_GAUGE, 0},
};

void report_register(void)
{
    metrics_register(metrics, METRICS);
}

static const char *reason_of(const struct event *event)
{
    return event->reason == NULL ? "" : event->reason;
}

void report_event(const struct event *event)
{
    struct log_field source = log_span("source", event->envelope.source);
    struct log_field id = log_span("id", event->envelope.id);

    switch (event->state) {
    case EVENT_STORED:
        metric_add(&metrics[STORED], 1);
        log_info("stored", source, id);
        break;
    case EVENT_REPLACED:
        metric_add(&metrics[REPLACED], 1);
        log_info("replaced", source, id);
        break;
    case EVENT_UNCHANGED:
        metric_add(&metrics[UNCHANGED], 1);
        log_info("unchanged", source, id);
        break;
    case EVENT_DEAD:
        metric_add(&metrics[DEAD], 1);
        log_warning("dead", source, id, log_text("verdict", verdict_name(event->verdict)),
                    log_text("sqlstate", event->sqlstate));
        break;
    case EVENT_RETRIED:
        if (event->postponed) {
            break; /* report_postponed has told */
        }
        log_info("retried", source, id, log_text("sqlstate", event->sqlstate),
                 log_text("reason", reason_of(event)), log_number("attempt", event->envelope.attempt + 1));
        break;
    case EVENT_FAILED:
        metric_add(&metrics[AGAIN], 1);
        break;
    case EVENT_WAITING:
        break;
    }
}

void report_parked(const struct event *event, int64_t wait_us)
{
    log_warning("parked", log_span("source", event->envelope.source), log_span("id", event->envelope.id),
                log_text("verdict", verdict_name(event->verdict)), log_text("sqlstate", event->sqlstate),
                log_text("reason", reason_of(event)), log_number("failures", event->failures),
                log_number("retry_ms", wait_us / CLOCK_US_PER_MS));
}

void report_postponed(const struct event *event, int64_t wait_us, const char *reason)
{
    log_info("postponed", log_span("source", event->envelope.source), log_span("id", event->envelope.id),
             log_text("reason", reason), log_number("wait_s", wait_us / CLOCK_US_PER_S));
}

void report_newer(const struct event *event)
{
    static _Atomic int64_t last_us;

    if (log_is_due(&last_us)) {
        log_error("newer", log_span("source", event->envelope.source), log_text("reason", reason_of(event)),
                  log_text("message", "upgrade this worker; such events wait in a retry queue meanwhile"));
    }
}

void report_given_back(const struct event *event)
{
    log_warning("given-back", log_span("source", event->envelope.source), log_span("id", event->envelope.id),
                log_number("deliveries", event->envelope.delivery_count + 1),
                log_text("reason", "it could not be stored for WORKER_HOLD, and no retry queue takes it"));
}

void report_count(enum report_count what)
{
    switch (what) {
    case REPORT_BATCHES:
        metric_add(&metrics[BATCHES], 1);
        break;
    case REPORT_NO_PLACE:
        metric_add(&metrics[NO_PLACE], 1);
        break;
    case REPORT_DATABASE_FAILURE:
        metric_add(&metrics[FAILURES], 1);
        break;
    }
}

void report_budget(int64_t budget)
{
    metric_set(&metrics[BUDGET], budget);
}

static void show_gauges(const struct report *r, bool paused)
{
    metric_set(&metrics[OPEN], (int64_t)r->open);
    metric_set(&metrics[STANDBY], r->lack == PLACE_TAKEN);
    metric_set(&metrics[PAUSED], paused);
    metric_set(&metrics[BRAKED], (int64_t)r->braked);
    metric_set(&metrics[BACKLOG], (int64_t)r->backlog);
    metric_set(&metrics[PARKED], (int64_t)r->parked);
    metric_set(&metrics[HELD], (int64_t)r->held);
}

/* Why the worker is not ready; NULL: it is, or it is too early to say. */
static const char *trouble(const struct report *r, bool paused)
{
    if (r->draining) {
        return "draining";
    }
    if (paused) {
        return "database needs repair: see the log";
    }
    if (r->braked > 0 && !r->storing) {
        return "most events are refused: see the log and sluice dead list; one at a time is tried";
    }
    if (r->lack == PLACE_DATABASE) {
        return "database away";
    }
    if (r->failing) {
        return "the database stores nothing: see the log";
    }
    if (r->newer) {
        return "upgrade this worker: events of a later release arrive, and wait in a retry queue";
    }
    if (r->deliver == DELIVER_AWAY || r->retry == RETRY_AWAY) {
        return "broker away";
    }
    if (r->retry == RETRY_UNDECLARED) {
        return "retry queues not declared: the same DELAYS here and in sluice setup, and run it";
    }
    if (r->retry == RETRY_REFUSED) {
        return "a retry queue is full: see the log";
    }
    return NULL;
}

void report_show(const struct report *r, struct admin *admin)
{
    bool paused = r->needs_repair || r->lack == PLACE_REPAIR;
    const char *why = trouble(r, paused);

    show_gauges(r, paused);
    if (why != NULL) {
        admin_set_ready(admin, false, why);
    } else if (r->lack == PLACE_TAKEN) {
        admin_set_ready(admin, true, "standby");
    } else if (r->lack == PLACE_HELD && r->deliver != DELIVER_IDLE) {
        admin_set_ready(admin, true,
                        r->braked == 0 ? "ready"
                                       : "ready, but most events of a source are refused: see the log");
    }
}
