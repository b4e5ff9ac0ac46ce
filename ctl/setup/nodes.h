/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_NODES_H
#define SLUICE_CTL_SETUP_NODES_H

/* Whether enough nodes of the broker run, and whether each queue has enough members on them. A queue that is
 * declared while one node runs has one member for good: with that node its events are away, or lost. */

#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>

struct nodes {
    struct management *management;
    const char *vhost;   /* its name */
    const char *segment; /* the same, escaped for a path */
    const struct topology *topology;
    size_t wanted; /* at least 1 */
    struct outcome *outcome;
    bool grow; /* add the members that lack; not while checking */
};

/* Looks once. ERROR_UNREACHABLE, naming the nodes that run: they are fewer than wanted. With
 * outcome->checking that is a difference instead. */
MUST_CHECK enum error_code nodes_reach(const struct nodes *nodes, struct error *error);
/* Looks for queues with fewer members than there are nodes (those wanted, or those that the broker has if
 * these are more; 3 at most), for some seconds as long as there are some: the broker may be adding members.
 * With `grow` it asks the broker to add them.
 * Prints them with the commands that add members, and counts them in *lacking; with outcome->checking they
 * are differences, too. Call it when the queues have been declared. */
MUST_CHECK enum error_code nodes_compare(const struct nodes *nodes, size_t *lacking, struct error *error);

#endif
