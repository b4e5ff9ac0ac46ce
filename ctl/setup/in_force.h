/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_IN_FORCE_H
#define SLUICE_CTL_SETUP_IN_FORCE_H

/* Checks which policy is in force on each of our queues, and which nodes are the queue's members. */

#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

/* Compares each existing queue with what it should be: its policy, the effective definition and, with
 * outcome->checking, its members. The broker reports a policy some seconds late, so a difference is checked
 * again for up to 15 s. A difference that remains is reported to `outcome` with outcome->checking; otherwise
 * ERROR_SETTING names it, and the queues are only looked at when there are policies that could win over ours.
 */
MUST_CHECK enum error_code in_force_compare(struct management *management, const char *vhost,
                                            const struct topology *topology, struct outcome *outcome,
                                            struct error *error);

#endif
