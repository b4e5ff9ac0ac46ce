/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_ROLES_H
#define SLUICE_CTL_SETUP_ROLES_H

/* Sets up the roles sluice_worker and sluice_reader: settings, rights, passwords and the connection limit,
 * which is the budget. Only sql/roles.sql says what they should be. It is applied in a transaction, and its
 * changes are reported. A check rolls the transaction back. */

#include "error.h"
#include "outcome.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct roles_wanted {
    int64_t budget;
    const char *worker_password, *reader_password; /* "": unchanged */
};

/* Sets *budget to wanted; 0: to the connection limit that sluice_worker has, else to a share of what the
 * server allows (budget_choose). ERROR_SETTING: it allows less, or is too old. */
MUST_CHECK enum error_code roles_budget(PGconn *connection, int64_t wanted, int64_t *budget,
                                        struct error *error);
/* ERROR_SETTING, with the setting's name: a role doesn't exist and there is no password to create it with. */
MUST_CHECK enum error_code roles_check_passwords(PGconn *connection, const struct roles_wanted *wanted,
                                                 struct error *error);
/* Applies everything. The migrations must have been applied. */
MUST_CHECK enum error_code roles_apply(PGconn *connection, const struct roles_wanted *wanted,
                                       struct outcome *outcome, struct error *error);
/* Ends the workers' sessions, so that new ones start with the role's new settings: the prepared statements of
 * a session may refer to tables at their old place. Prints a message when this is not permitted. */
void roles_renew_sessions(PGconn *connection, const char *subcommand);

#endif
