/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_REPORT_H
#define SLUICE_WORKER_REPORT_H

/* What the worker tells people: metrics, a log line per event, and whether it is ready. */

#include "admin.h"
#include "deliver.h"
#include "event.h"
#include "place.h"
#include "retry.h"

enum report_count {
    REPORT_BATCHES,
    REPORT_NO_PLACE,         /* connections refused: the budget is used up */
    REPORT_DATABASE_FAILURE, /* connections lost or not made */
};

/* How the worker is now. */
struct report {
    bool draining;
    bool failing;      /* for some seconds nothing could be stored */
    bool needs_repair; /* and for a reason that only a person can mend */
    size_t braked;     /* sources most of whose events are refused */
    bool storing;      /* events of others were stored in the last seconds */
    bool newer;        /* envelopes of a later release arrive */
    enum place_lack lack;
    enum deliver_state deliver;
    enum retry_trouble retry;
    size_t open;    /* Postgres connections held */
    size_t backlog; /* prefetched events that no slot has taken */
    size_t parked;  /* events that failed by themselves and are tried alone */
    size_t held;    /* events of braked sources */
};

/* Before threads start. */
void report_register(void);
/* Counts and logs what became of an event. */
void report_event(const struct event *event);
/* It failed by itself, and is tried alone after so long. */
void report_parked(const struct event *event, int64_t wait_us);
/* It goes to the retry queue of this wait, unchanged. */
void report_postponed(const struct event *event, int64_t wait_us, const char *reason);
/* Its envelope is of a later release: told now and then. */
void report_newer(const struct event *event);
/* It was held too long, and goes back to its queue. */
void report_given_back(const struct event *event);
void report_count(enum report_count what);
/* The connection limit of the worker's role. */
void report_budget(int64_t budget);
/* Shows it: gauges, and ready or not. */
void report_show(const struct report *report, struct admin *admin);

#endif
