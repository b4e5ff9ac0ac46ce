/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_MIGRATE_H
#define SLUICE_CTL_SETUP_MIGRATE_H

/* The forward-only migrations of sql/, which travel inside the command. */

#include "error.h"
#include "outcome.h"

#include <libpq-fe.h>
#include <stddef.h>

struct migration {
    const char *name; /* of the file, without .sql; NULL ends the list */
    const unsigned char *sql;
    size_t len; /* a NUL follows that is not counted */
};

/* Made by sql/embed. */
extern const struct migration migrations[];
extern const struct migration migrate_schema; /* said by every setup before them */
extern const struct migration migrate_roles;  /* and after them */

#define MIGRATE_SHA256_HEX 64
void migrate_sha256(const struct migration *migration, char hex[MIGRATE_SHA256_HEX + 1]);

/* Makes the schema, then applies what is missing, each file in a transaction of its own with its row in
 * sluice_migrations, and tells `outcome` of each; *missing: how many there were. While it checks, nothing is
 * applied. The caller holds the lock that keeps a second setup out. ERROR_SETTING when the database is newer
 * than this command, or when an applied file has changed since. */
MUST_CHECK enum error_code migrate_apply(PGconn *connection, struct outcome *outcome, size_t *missing,
                                         struct error *error);

#endif
