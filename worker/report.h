/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_REPORT_H
#define SLUICE_WORKER_REPORT_H

/* What the worker tells people: metrics, a log line per event, and whether it is ready. */

#include "admin.h"
#include "batch.h"
#include "budget.h"
#include "deliver.h"
#include "retry.h"

enum report_count {
    REPORT_BATCHES,
    REPORT_NO_PLACE,         /* connections refused: the budget is used up */
    REPORT_DATABASE_FAILURE, /* connections lost or not made */
};

/* How the worker is now. */
struct report {
    bool draining;
    bool needs_repair; /* the last batch failed by something that only a person can mend */
    bool failing;      /* for some seconds no batch could be stored */
    bool braked;       /* too many events are refused */
    enum budget_lack lack;
    enum deliver_state deliver;
    enum retry_trouble retry;
    size_t open;    /* Postgres connections held */
    size_t backlog; /* prefetched events that no slot has taken */
};

/* Before threads start. */
void report_register(void);
/* Counts and logs what became of an event. */
void report_event(const struct event *event);
void report_count(enum report_count what);
/* The connection limit of the worker's role. */
void report_budget(int64_t budget);
/* Shows it: gauges, and ready or not. */
void report_show(const struct report *report, struct admin *admin);

#endif
