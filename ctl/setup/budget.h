/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_BUDGET_H
#define SLUICE_CTL_SETUP_BUDGET_H

/* Chooses and checks the budget: the number of connections that all workers together may hold. Pure. */

#include "error.h"

#include <stdint.h>

/* Upper limit of a budget that setup chooses itself: other users need the database, too. */
#define BUDGET_CHOSEN_MAX 20

struct budget_limits {
    int64_t max_connections;
    int64_t superuser_reserved_connections;
    int64_t reserved_connections; /* 0 before Postgres 16 */
};

/* Number of connections available to ordinary roles; may be negative. */
int64_t budget_available(const struct budget_limits *limits);
/* Sets *budget to wanted. When wanted is 0, keeps current (the role's connection limit; -1: none), or chooses
 * half of the available connections, at most BUDGET_CHOSEN_MAX. The budget must be at least 1, but a current
 * one of 0 stays: an operator stops the workers with it. It must also be below the available number, because
 * a backend takes a connection for a moment before it is refused. Otherwise returns ERROR_SETTING, whose text
 * has all the numbers. */
MUST_CHECK enum error_code budget_choose(const struct budget_limits *limits, int64_t wanted, int64_t current,
                                         int64_t *budget, struct error *error);

#endif
