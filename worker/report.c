/* SPDX-License-Identifier: MIT */
#include "report.h"

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
                "1 while most events are refused and only one at a time is tried.", METRIC_GAUGE, 0},
    [BACKLOG] = {"sluice_worker_backlog", NULL, "Prefetched events that no slot has taken.", METRIC_GAUGE, 0},
    [BUDGET] = {"sluice_worker_budget", NULL, "Connection limit of the worker's role.", METRIC_GAUGE, 0},
};

void report_register(void)
{
    metrics_register(metrics, METRICS);
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
        log_info("retried", source, id, log_text("sqlstate", event->sqlstate),
                 log_text("reason", event->reason == NULL ? "" : event->reason),
                 log_number("attempt", event->envelope.attempt + 1));
        break;
    case EVENT_FAILED:
        metric_add(&metrics[AGAIN], 1);
        break;
    case EVENT_WAITING:
        break;
    }
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

void report_show(const struct report *r, struct admin *admin)
{
    bool paused = r->needs_repair || r->lack == BUDGET_REPAIR;

    metric_set(&metrics[OPEN], (int64_t)r->open);
    metric_set(&metrics[STANDBY], r->lack == BUDGET_PLACE);
    metric_set(&metrics[PAUSED], paused);
    metric_set(&metrics[BRAKED], r->braked);
    metric_set(&metrics[BACKLOG], (int64_t)r->backlog);
    if (r->draining) {
        admin_set_ready(admin, false, "draining");
    } else if (paused) {
        admin_set_ready(admin, false, "database needs repair: see the log");
    } else if (r->braked) {
        admin_set_ready(admin, false,
                        "most events are refused: see the log and sluice dead list; one at a time is tried");
    } else if (r->lack == BUDGET_DATABASE) {
        admin_set_ready(admin, false, "database away");
    } else if (r->failing) {
        admin_set_ready(admin, false, "the database stores nothing: see the log");
    } else if (r->deliver == DELIVER_AWAY || r->retry == RETRY_AWAY) {
        admin_set_ready(admin, false, "broker away");
    } else if (r->retry == RETRY_UNDECLARED) {
        admin_set_ready(admin, false,
                        "retry queues not declared: the same DELAYS here and in sluice setup, and run it");
    } else if (r->retry == RETRY_REFUSED) {
        admin_set_ready(admin, false, "a retry queue is full: see the log");
    } else if (r->lack == BUDGET_PLACE) {
        admin_set_ready(admin, true, "standby");
    } else if (r->lack == BUDGET_HELD && r->deliver != DELIVER_IDLE) {
        admin_set_ready(admin, true, "ready");
    }
}
