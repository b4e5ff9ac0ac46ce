/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_INVENTORY_H
#define SLUICE_CTL_SETUP_INVENTORY_H

/* What the broker has of the topology: exchanges, queues, bindings, and the policies that are in force on the
 * queues. */

#include "broker.h"
#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

#include <stdbool.h>

/* What is there, by its place in the topology. */
struct inventory {
    bool exchanges[TOPOLOGY_EXCHANGES_MAX];
    bool queues[TOPOLOGY_QUEUES_MAX];
    bool bindings[TOPOLOGY_BINDINGS_MAX];
    bool bindings_known;
};

/* Asks the management API about the vhost (as part of a path). While `outcome` checks, it is told of
 * exchanges and queues that are there with other properties. */
MUST_CHECK enum error_code inventory_ask(struct inventory *inventory, struct management *management,
                                         const char *vhost, const struct topology *topology,
                                         struct outcome *outcome, struct error *error);
/* Asks by AMQP, which tells nothing of bindings. */
MUST_CHECK enum error_code inventory_look(struct inventory *inventory, const struct broker_options *options,
                                          const struct topology *topology, struct error *error);
/* Tells of each thing whether it was there. */
void inventory_tell(const struct inventory *inventory, const struct topology *topology,
                    struct outcome *outcome);

#endif
