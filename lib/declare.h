/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DECLARE_H
#define SLUICE_DECLARE_H

/* Declares exchanges, queues and bindings, for setup and listeners. Each call waits, 5 s at most, and fails
 * with the broker's own words when something of the name exists with other properties; the connection is
 * spent then. Errors as for broker_open. */

#include "broker.h"
#include "error.h"

#include <stdbool.h>

struct topology_argument;

/* Durable. arguments: name NULL ends. */
MUST_CHECK enum error_code declare_exchange(struct broker *broker, const char *name, const char *type,
                                            const struct topology_argument *arguments, struct error *error);
/* private: the queue isn't durable, only this connection may use it, and it ends with the connection or with
 * its consumer. arguments: name NULL ends. */
MUST_CHECK enum error_code declare_queue(struct broker *broker, const char *name, bool private,
                                         const struct topology_argument *arguments, struct error *error);
MUST_CHECK enum error_code declare_binding(struct broker *broker, const char *queue, const char *exchange,
                                           const char *key, struct error *error);
/* What `exchange` routes by this key passes on to the exchange `to`. */
MUST_CHECK enum error_code declare_exchange_binding(struct broker *broker, const char *to,
                                                    const char *exchange, const char *key,
                                                    struct error *error);
/* These remove, and change nothing where there is nothing. */
MUST_CHECK enum error_code declare_no_binding(struct broker *broker, const char *queue, const char *exchange,
                                              const char *key, struct error *error);
/* An exchange goes with all its bindings. */
MUST_CHECK enum error_code declare_no_exchange(struct broker *broker, const char *name, struct error *error);

#endif
