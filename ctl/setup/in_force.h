/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_IN_FORCE_H
#define SLUICE_CTL_SETUP_IN_FORCE_H

/* Which policy the broker has in force on each of our queues, and who carries the queue. */

#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

#include <stdbool.h>

/* *contested: there are policies of others that may win over ours, by their priority or as operator policies.
 */
MUST_CHECK enum error_code in_force_contested(struct management *management, const char *vhost,
                                              const struct topology *topology, bool *contested,
                                              struct error *error);
/* Compares what the broker reports of each queue that is there: its policy, the definition in force, and,
 * while `outcome` checks, its members. The broker reports a policy some seconds late: what differs is asked
 * for again, for up to 15 s. What differs then, `outcome` is told while it checks; else ERROR_SETTING names
 * it. */
MUST_CHECK enum error_code in_force_compare(struct management *management, const char *vhost,
                                            const struct topology *topology, struct outcome *outcome,
                                            struct error *error);

#endif
