/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_BUDGET_H
#define SLUICE_CTL_SETUP_BUDGET_H

/* How many connections all workers together may hold. Pure. */

#include "error.h"

#include <stdint.h>

/* The most that is chosen when nobody chooses: others use the database too. */
#define BUDGET_CHOSEN_MAX 20

struct budget_limits {
    int64_t max_connections;
    int64_t superuser_reserved_connections;
    int64_t reserved_connections; /* 0 before Postgres 16 */
};

/* What is left for ordinary roles; may be negative. */
int64_t budget_available(const struct budget_limits *limits);
/* *budget: wanted; with wanted 0 the current one (the limit of the role; -1: it has none), else half of what
 * is left, at most BUDGET_CHOSEN_MAX. ERROR_SETTING, with all the numbers, when it isn't below what is left:
 * connecting backends take a place for a moment before they are refused, so there must be one to spare. At
 * least 1, but for a current one of 0, by which somebody holds the workers back. */
MUST_CHECK enum error_code budget_choose(const struct budget_limits *limits, int64_t wanted, int64_t current,
                                         int64_t *budget, struct error *error);

#endif
