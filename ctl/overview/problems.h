/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_PROBLEMS_H
#define SLUICE_CTL_OVERVIEW_PROBLEMS_H

/* What is wrong, in words, with the runbook that says what to do. The names are those of the alerts in
 * deploy/prometheus/; those that begin with Broker have no alert, since no metric of Sluice's tells of them.
 * What isn't known is no problem here. Pure. */

#include "history.h"
#include "overview.h"

#include <stddef.h>

#define PROBLEMS_MAX 17

struct problem {
    const char *name;   /* static */
    const char *anchor; /* of the runbook in docs/operations.md; static */
    char words[400];    /* one sentence */
};

/* Writes the problems that there are, the worst first, and returns how many. recent: a reading of some
 * minutes before, for what rises; NULL: not known. There are none before the first look (at_us is 0). */
size_t problems_find(struct problem problems[PROBLEMS_MAX], const struct overview *now,
                     const struct reading *recent);

/* True when a queue lacks a majority or members: `sluice status` then says so by its exit code, too. */
bool problems_in_cluster(const struct overview *now);

#endif
