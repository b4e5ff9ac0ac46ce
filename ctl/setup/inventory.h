/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_INVENTORY_H
#define SLUICE_CTL_SETUP_INVENTORY_H

/* Finds out which exchanges, queues and bindings of the topology the broker already has. */

#include "broker.h"
#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

#include <stdbool.h>

/* What exists; indexes as in the topology. */
struct inventory {
    bool exchanges[TOPOLOGY_EXCHANGES_MAX];
    bool queues[TOPOLOGY_QUEUES_MAX];
    bool bindings[TOPOLOGY_BINDINGS_MAX];
    bool retired[TOPOLOGY_RETIRED_MAX]; /* what should not exist */
    bool retired_exchanges[2];
    bool bindings_known;
};

/* Reads the inventory with the management API; vhost is escaped for a path. With outcome->checking, exchanges
 * and queues with other properties are reported as differences. */
MUST_CHECK enum error_code inventory_ask(struct inventory *inventory, struct management *management,
                                         const char *vhost, const struct topology *topology,
                                         struct outcome *outcome, struct error *error);
/* Reads the inventory with AMQP, which can't list bindings; it doesn't look for what should not exist. */
MUST_CHECK enum error_code inventory_look(struct inventory *inventory, const struct broker_options *options,
                                          const struct topology *topology, struct error *error);
/* Reports for each object whether it existed. */
void inventory_tell(const struct inventory *inventory, const struct topology *topology,
                    struct outcome *outcome);

#endif
