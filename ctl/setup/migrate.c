/* SPDX-License-Identifier: MIT */
#include "migrate.h"

#include "ctl/database.h"
#include "text.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void migrate_sha256(const struct migration *migration, char hex[MIGRATE_SHA256_HEX + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    (void)SHA256(migration->sql, migration->len, digest);
    text_write_hex(digest, sizeof digest, hex);
    hex[MIGRATE_SHA256_HEX] = '\0';
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

/* Checks that every applied migration is known and unchanged. */
static enum error_code check_applied(const PGresult *applied, struct error *error)
{
    for (int row = 0; row < PQntuples(applied); row++) {
        const char *name = PQgetvalue(applied, row, 0);
        const struct migration *m = find(name);
        char hex[MIGRATE_SHA256_HEX + 1];

        if (m == NULL) {
            return error_set(error, ERROR_SETTING,
                             "database: sluice " SLUICE_VERSION " doesn't know the applied migration %s: the "
                             "database is newer than this command; use a newer sluice",
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
                              "insert into sluice.sluice_migrations (name, sha256) values ($1, $2)", 2, row,
                              error);
        PQclear(result);
    }
    if (code == ERROR_NONE) {
        code = database_run(connection, "commit", error);
    }
    if (code != ERROR_NONE) {
        struct error cause = *error;

        return error_set(error, code, "migration %s: %s", m->name, cause.text);
    }
    return ERROR_NONE;
}

/* Leaves *applied NULL when setup has never been run on this database. */
static enum error_code read_applied(PGconn *connection, PGresult **applied, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(
        connection, &r, "select to_regclass('sluice.sluice_migrations') is not null", 0, NULL, error);
    bool there = code == ERROR_NONE && PQgetvalue(r, 0, 0)[0] == 't';

    PQclear(r);
    if (!there) {
        return code;
    }
    code = database_query(connection, applied,
                          "select name, sha256 from sluice.sluice_migrations order by name", 0, NULL, error);
    return code == ERROR_NONE ? check_applied(*applied, error) : code;
}

static enum error_code take_one(PGconn *connection, const struct migration *m, struct outcome *outcome,
                                struct error *error)
{
    enum error_code code = outcome->checking ? ERROR_NONE : apply_one(connection, m, error);

    if (code == ERROR_NONE) {
        outcome_missing(outcome, "migration %s", m->name);
    }
    return code;
}

enum error_code migrate_apply(PGconn *connection, struct outcome *outcome, size_t *missing,
                              struct error *error)
{
    PGresult *applied = NULL;
    enum error_code code = ERROR_NONE;

    *missing = 0;
    if (!outcome->checking) {
        code = database_run(connection, (const char *)migrate_schema.sql, error);
    }
    if (code == ERROR_NONE) {
        code = read_applied(connection, &applied, error);
    }
    for (const struct migration *m = migrations; code == ERROR_NONE && m->name != NULL; m++) {
        if (applied != NULL && is_applied(applied, m->name)) {
            outcome_there(outcome, "migration %s", m->name);
        } else {
            code = take_one(connection, m, outcome, error);
            *missing += code == ERROR_NONE;
        }
    }
    PQclear(applied);
    return code;
}
