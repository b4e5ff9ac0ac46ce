/* SPDX-License-Identifier: MIT */
#include "migrate.h"

#include "database.h"
#include "report.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char migrate_table_sql[] = "create table if not exists sluice_migrations ("
                                 "name text primary key, sha256 text not null, "
                                 "applied_at timestamptz not null default now())";

void migrate_sha256(const struct migration *migration, char hex[MIGRATE_SHA256_HEX + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    (void)SHA256(migration->sql, migration->len, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

static const struct migration *find(const char *name)
{
    for (const struct migration *m = migrations; m->name != NULL; m++) {
        if (strcmp(m->name, name) == 0) {
            return m;
        }
    }
    return NULL;
}

/* Every applied migration must be one of ours, unchanged. */
static enum error_code check_applied(const PGresult *applied, struct error *error)
{
    for (int row = 0; row < PQntuples(applied); row++) {
        const char *name = PQgetvalue(applied, row, 0);
        const struct migration *m = find(name);
        char hex[MIGRATE_SHA256_HEX + 1];

        if (m == NULL) {
            return error_set(error, ERROR_SETTING,
                             "database: migration %s has been applied, which sluice " SLUICE_VERSION
                             " doesn't know: the database is newer than this command; use a newer sluice",
                             name);
        }
        migrate_sha256(m, hex);
        if (strcmp(hex, PQgetvalue(applied, row, 1)) != 0) {
            return error_set(error, ERROR_SETTING,
                             "database: migration %s was applied with SHA-256 %.12s..., but here it has "
                             "%.12s...: an applied migration must never change; use the release that the "
                             "database was set up with, or a newer one",
                             name, PQgetvalue(applied, row, 1), hex);
        }
    }
    return ERROR_NONE;
}

static bool is_applied(const PGresult *applied, const char *name)
{
    for (int row = 0; row < PQntuples(applied); row++) {
        if (strcmp(PQgetvalue(applied, row, 0), name) == 0) {
            return true;
        }
    }
    return false;
}

static enum error_code apply_one(PGconn *connection, const struct migration *m, struct error *error)
{
    char hex[MIGRATE_SHA256_HEX + 1];
    const char *const row[] = {m->name, hex};
    PGresult *result = NULL;
    enum error_code code;

    migrate_sha256(m, hex);
    code = database_run(connection, "begin", error);
    if (code == ERROR_NONE) {
        code = database_run(connection, (const char *)m->sql, error);
    }
    if (code == ERROR_NONE) {
        code = database_query(connection, &result,
                              "insert into sluice_migrations (name, sha256) values ($1, $2)", 2, row, error);
        PQclear(result);
    }
    if (code == ERROR_NONE) {
        code = database_run(connection, "commit", error);
    }
    if (code != ERROR_NONE) {
        struct error cause = *error;

        return error_set(error, code, "migration %s: %s", m->name, cause.text);
    }
    report_line("done   migration %s", m->name);
    return ERROR_NONE;
}

enum error_code migrate_apply(PGconn *connection, struct error *error)
{
    PGresult *applied = NULL;
    enum error_code code = database_run(connection, migrate_table_sql, error);

    if (code == ERROR_NONE) {
        code = database_query(connection, &applied,
                              "select name, sha256 from sluice_migrations order by name", 0, NULL, error);
    }
    if (code == ERROR_NONE) {
        code = check_applied(applied, error);
    }
    for (const struct migration *m = migrations; code == ERROR_NONE && m->name != NULL; m++) {
        if (is_applied(applied, m->name)) {
            report_line("there  migration %s", m->name);
        } else {
            code = apply_one(connection, m, error);
        }
    }
    PQclear(applied);
    return code;
}
