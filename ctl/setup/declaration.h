/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_DECLARATION_H
#define SLUICE_CTL_SETUP_DECLARATION_H

#include "broker.h"
#include "error.h"
#include "topology.h"

/* Declares all exchanges, queues and bindings of the topology, then removes what is retired: so each event
 * has a way at every moment. What is right already stays as it is. Errors as for lib/declare; ERROR_SETTING
 * also when the broker lacks the plugin of TOPOLOGY_SHARDS, with the command that enables it. The connection
 * is spent after an error. */
MUST_CHECK enum error_code declaration_make(struct broker *broker, const struct topology *topology,
                                            struct error *error);

#endif
