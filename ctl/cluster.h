/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CLUSTER_H
#define SLUICE_CTL_CLUSTER_H

/* The nodes of the broker, and the members of its quorum queues, as the management API reports them. */

#include "buf.h"
#include "error.h"
#include "management.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>

/* The members of a queue: views of the management API's entry, valid as long as it is. */
struct cluster_queue {
    const char *leader;            /* "": the broker reports none */
    const cJSON *members, *online; /* arrays of node names; NULL: not reported */
    size_t member_count, online_count;
};

/* Reads which nodes run. *running: an array of their names, which the caller frees with cJSON_Delete; NULL
 * after an error. *known: how many nodes the broker has, running or not. ERROR_REFUSED: the user has no tag
 * `monitoring` or `administrator`. */
MUST_CHECK enum error_code cluster_nodes(struct management *management, cJSON **running, size_t *known,
                                         struct error *error);
/* Asks whether the broker can add members by itself, up to a policy's target-group-size:
 * cluster_version_grows of its version. */
MUST_CHECK enum error_code cluster_grows(struct management *management, bool *grows, struct error *error);

/* True from version 3.13 on; older ones refuse a policy with a target-group-size. NULL: false. Pure, as all
 * below. */
bool cluster_version_grows(const char *version);
/* Takes one entry of the list of queues; NULL is a queue without members. */
struct cluster_queue cluster_queue_of(const cJSON *entry);
/* True when the queue has members, and less than a majority of them is online: it neither takes messages nor
 * hands them out. */
bool cluster_lacks_majority(const struct cluster_queue *queue);
/* How many members a queue should have on so many nodes: all nodes, TOPOLOGY_MEMBERS at most. */
size_t cluster_members_wanted(size_t nodes);
/* True when the members are reported, and are fewer than wanted. */
bool cluster_lacks_members(const struct cluster_queue *queue, size_t wanted);

/* Appends the names of an array, "a, b"; "none" for an empty one and for NULL. */
void cluster_append_names(struct buf *out, const cJSON *names);
/* Appends "^text$" as a regular expression that matches text alone. */
void cluster_append_exactly(struct buf *out, const char *text);
/* Appends a regular expression for those of the topology's queues, as listed in `queues`, that need a member
 * on this one of the nodes to have so many. False, and nothing: there is none. */
bool cluster_append_joining(struct buf *out, const struct topology *topology, const cJSON *queues,
                            const cJSON *nodes, size_t wanted, const char *node);
/* Appends the commands that give each of the topology's queues, as listed in `queues`, so many members on
 * these nodes: one line for each node that lacks some. Nothing when none lacks any. */
void cluster_append_grow(struct buf *out, const struct topology *topology, const cJSON *queues,
                         const cJSON *nodes, size_t wanted, const char *vhost);

#endif
