/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_SERVERS_H
#define SLUICE_CTL_OVERVIEW_SERVERS_H

/* What the servers know of an overview. */

#include "overview.h"

#define SERVERS_UNKNOWN_DATABASE                                  \
    ((struct overview_database){.rows = OVERVIEW_UNKNOWN,         \
                                .dead = OVERVIEW_UNKNOWN,         \
                                .last_dead_us = OVERVIEW_UNKNOWN, \
                                .held = OVERVIEW_UNKNOWN,         \
                                .budget = OVERVIEW_UNKNOWN,       \
                                .max_connections = OVERVIEW_UNKNOWN})

/* Asks the database for its numbers; what it doesn't tell is unknown. Opens *connection when it is NULL;
 * closes it and sets it to NULL after an error. No statement scans a table unless options->count_rows. Errors
 * as for reader_open and database_query. */
MUST_CHECK enum error_code servers_ask_database(struct overview_database *numbers, PGconn **connection,
                                                const struct status_settings *settings,
                                                const struct overview_options *options, struct error *error);
/* Fills what only the management API knows: the workers, how full the queue is, the queues' members and the
 * number of nodes. Errors as for
 * management_get. */
MUST_CHECK enum error_code servers_ask_management(struct overview *overview,
                                                  const struct status_settings *settings,
                                                  struct error *error);

#endif
