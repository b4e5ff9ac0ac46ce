/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_TOTALS_H
#define SLUICE_CTL_OVERVIEW_TOTALS_H

/* The metrics of all replicas as one set of numbers: counters and gauges are summed up, of times the first or
 * the last one counts. docs/metrics.md says what each metric means. Pure. */

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define TOTALS_NAME_SIZE 256
#define TOTALS_CAUSE_SIZE 24
#define TOTALS_CAUSES_MAX 32

/* Times are seconds since 1970; 0: not known. */
struct source_totals {
    char name[TOTALS_NAME_SIZE];
    double accepted, refused;
    double last_accepted_s, last_refused_s;
    struct {
        char label[TOTALS_CAUSE_SIZE];
        double count;
    } causes[TOTALS_CAUSES_MAX]; /* of refused requests; those that occurred */
    size_t cause_count;
    char cause[TOTALS_CAUSE_SIZE]; /* see totals_find_causes; "": nothing was refused */
};

struct totals {
    double generation;                     /* differs when a process came, went or started anew */
    double accepted, refused, unavailable; /* replies of the gateways; unavailable: those with 503 */
    double stored, dead;                   /* events of the workers; stored: also replaced, unchanged */
    double unacked;                        /* messages that workers hold */
    double braked, paused, standby;        /* sources; workers */
    double log_dropped;                    /* lines */
    double oldest_event_s;                 /* received, of those that workers hold */
    double certificate_s;                  /* end of a gateway's certificate; the first */
    double started_s;                      /* start of the first gateway */
    struct source_totals *sources;         /* in the order of their names */
    size_t source_count;
    bool failed; /* no memory for a source */
};

/* Adds the metrics of a replica. Zero-initialise *totals; the caller calls totals_free. */
void totals_add(struct totals *totals, struct span metrics);
/* Sets the cause of each source: the commonest among the requests that were refused since `before`; if there
 * are none, the one that `before` has; without `before` (NULL), the commonest since the gateways' start. */
void totals_find_causes(struct totals *totals, const struct totals *before);
const struct source_totals *totals_source(const struct totals *totals, const char *name);
void totals_free(struct totals *totals);

/* How many requests were refused for this cause. source may be NULL. */
double totals_cause_count(const struct source_totals *source, const char *cause);
/* True for the outcomes of requests that are answered with 503, but for a gateway that was told to stop. */
bool totals_is_unavailable(const char *outcome);

#endif
