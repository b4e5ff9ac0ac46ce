/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_SERVERS_H
#define SLUICE_CTL_OVERVIEW_SERVERS_H

/* What the servers know of an overview. */

#include "overview.h"

/* Fills the numbers of the database. Opens *connection when it is NULL; closes it and sets it to NULL after
 * an error. No statement scans a table unless options->count_rows. Errors as for reader_open and
 * database_query. */
MUST_CHECK enum error_code servers_ask_database(struct overview *overview, PGconn **connection,
                                                const struct status_settings *settings,
                                                const struct overview_options *options, struct error *error);
/* Fills what only the management API knows: the workers and how full the queue is. Errors as for
 * management_get. */
MUST_CHECK enum error_code servers_ask_management(struct overview *overview,
                                                  const struct status_settings *settings,
                                                  struct error *error);

#endif
