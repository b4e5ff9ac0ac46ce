/* SPDX-License-Identifier: MIT */
#include "readiness.h"

#include "metrics.h"

enum { STANDBY, PAUSED, METRICS };

static struct metric metrics[METRICS] = {
    [STANDBY] = {"sluice_worker_standby", NULL, "1 while this worker waits for a place in the budget.",
                 METRIC_GAUGE, 0},
    [PAUSED] = {"sluice_worker_paused", NULL, "1 while somebody must repair the database first.",
                METRIC_GAUGE, 0},
};

void readiness_register(void)
{
    metrics_register(metrics, METRICS);
}

/* Why the worker is not ready; NULL: it is, or it is too early to say. */
static const char *trouble(const struct readiness *r, bool paused)
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
    if (r->lack == PLACE_UNSYNCED) {
        return "commits don't wait for a standby, as WORKER_REQUIRE_SYNC demands: see the log";
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
    if (r->away || r->retry == RETRY_AWAY) {
        return "broker away";
    }
    if (r->retry == RETRY_UNDECLARED) {
        return "retry queues not declared: the same DELAYS here and in sluice setup, and run it";
    }
    if (r->retry == RETRY_REFUSED) {
        return "a retry queue is full: see the log";
    }
    if (r->standstill) {
        return "takes no events: it holds all that it may, and stores none of them: see the log";
    }
    return NULL;
}

void readiness_show(const struct readiness *r, struct admin *admin)
{
    bool paused = r->needs_repair || r->lack == PLACE_REPAIR;
    const char *why = trouble(r, paused);

    metric_set(&metrics[STANDBY], r->lack == PLACE_TAKEN);
    metric_set(&metrics[PAUSED], paused);
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
