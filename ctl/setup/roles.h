/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_ROLES_H
#define SLUICE_CTL_SETUP_ROLES_H

/* The roles sluice_worker and sluice_reader: their settings, rights, passwords and the connection limit,
 * which is the budget. sql/roles.sql alone says what they should be: it is applied in a transaction, and what
 * that has changed is told. A check takes it back. */

#include "error.h"
#include "outcome.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct roles_wanted {
    int64_t budget;
    const char *worker_password, *reader_password; /* "": as it is */
};

/* *limit: that of sluice_worker; -1 when it has none, or isn't there. */
MUST_CHECK enum error_code roles_limit(PGconn *connection, int64_t *limit, struct error *error);
/* ERROR_SETTING, with the setting's name, when a role isn't there and has no password to be made with. */
MUST_CHECK enum error_code roles_check_passwords(PGconn *connection, const struct roles_wanted *wanted,
                                                 struct error *error);
/* The migrations have been applied. */
MUST_CHECK enum error_code roles_apply(PGconn *connection, const struct roles_wanted *wanted,
                                       struct outcome *outcome, struct error *error);
/* Ends the workers' sessions, so that they begin anew with what the role has now: what a session has prepared
 * may name tables where they no longer are. Says so when it may not. */
void roles_renew_sessions(PGconn *connection, const char *subcommand);

#endif
