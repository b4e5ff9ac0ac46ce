/* SPDX-License-Identifier: MIT */
#include "roles.h"

#include "budget.h"
#include "buf.h"
#include "ctl/database.h"
#include "ctl/report.h"
#include "migrate.h"
#include "scram.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* lz4 compression and client_connection_check_interval need Postgres 14. */
#define LEAST_SERVER_VERSION 140000

/* Everything that roles.sql and the command set: one row each with role, item and value. Sorted by role and
 * item as bytes, so that two results can be compared in one pass. */
static const char state_sql[] =
    "select role, what, value from ("
    " select rolname::text, 'login', rolcanlogin::text from pg_roles"
    " union all select rolname, 'superuser', rolsuper::text from pg_roles"
    " union all select rolname, 'connection limit', case when rolconnlimit < 0 then 'none' else "
    "rolconnlimit::text end from pg_roles"
    " union all select rolname, split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)"
    "  from pg_roles, unnest(rolconfig) setting"
    " union all select rolname, split_part(setting, '=', 1) || ' in this database', substr(setting, "
    "strpos(setting, '=') + 1)"
    "  from pg_db_role_setting join pg_roles r on r.oid = setrole, unnest(setconfig) setting"
    "  where setdatabase = (select oid from pg_database where datname = current_database())"
    " union all select case when acl.grantee = 0 then 'public' else pg_get_userbyid(acl.grantee) end,"
    "  'right to ' || lower(acl.privilege_type) || ' on ' || object, 'given'"
    "  from (select oid::regclass::text, relacl from pg_class"
    "         where relnamespace = to_regnamespace('sluice') and relname in"
    "          ('webhooks_raw', 'webhooks_dead', 'webhooks', 'sluice_migrations')"
    "        union all select attrelid::regclass || '.' || attname, attacl from pg_attribute, pg_class c"
    "         where c.oid = attrelid and relnamespace = to_regnamespace('sluice') and relname in"
    "          ('webhooks_raw', 'webhooks_dead', 'webhooks', 'sluice_migrations')"
    "        union all select 'schema sluice', nspacl from pg_namespace where nspname = 'sluice'"
    "        union all select 'the database', datacl from pg_database where datname = current_database())"
    "   as o (object, granted), aclexplode(granted) acl"
    ") as state (role, what, value)"
    " where role in ('sluice_worker', 'sluice_reader') or (role = 'public' and what not like '% on the "
    "database')"
    " order by role collate \"C\", what collate \"C\"";

enum column { ROLE, WHAT, VALUE };

struct role {
    const char *name, *setting; /* setting: the one with its password */
    const char *password;
    bool there;         /* the role existed before */
    bool password_kept; /* the password is the same already, or none was given */
    bool password_seen; /* the present password could be compared */
    size_t differences;
};

struct roles {
    struct role role[2];
    PGresult *before, *after;
};

static struct roles of_wanted(const struct roles_wanted *wanted)
{
    return (struct roles){.role = {
                              {.name = "sluice_worker",
                               .setting = "SETUP_WORKER_DATABASE_PASSWORD",
                               .password = wanted->worker_password},
                              {.name = "sluice_reader",
                               .setting = "SETUP_READER_DATABASE_PASSWORD",
                               .password = wanted->reader_password},
                          }};
}

static struct role *find(struct roles *roles, const char *name)
{
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(roles->role[i].name, name) == 0) {
            return &roles->role[i];
        }
    }
    return NULL;
}

/* *limit: connection limit of sluice_worker; -1 when it has none or the role doesn't exist. */
static enum error_code present_limit(PGconn *connection, int64_t *limit, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code =
        database_query(connection, &r,
                       "select coalesce((select rolconnlimit from pg_roles where rolname = 'sluice_worker'),"
                       " -1)",
                       0, NULL, error);

    if (code == ERROR_NONE) {
        *limit = atoll(PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    return code;
}

enum error_code roles_budget(PGconn *connection, int64_t wanted, int64_t *budget, struct error *error)
{
    struct budget_limits limits;
    int64_t current = -1;
    PGresult *r = NULL;
    enum error_code code = database_query(
        connection, &r,
        "select current_setting('server_version_num'), current_setting('max_connections'),"
        " current_setting('superuser_reserved_connections'),"
        " coalesce(current_setting('reserved_connections', true), '0'), current_setting('server_version')",
        0, NULL, error);

    if (code != ERROR_NONE) {
        return code;
    }
    limits = (struct budget_limits){.max_connections = atoll(PQgetvalue(r, 0, 1)),
                                    .superuser_reserved_connections = atoll(PQgetvalue(r, 0, 2)),
                                    .reserved_connections = atoll(PQgetvalue(r, 0, 3))};
    if (atoll(PQgetvalue(r, 0, 0)) < LEAST_SERVER_VERSION) {
        code =
            error_set(error, ERROR_SETTING, "database: the server is Postgres %s; sluice needs 14 or newer",
                      PQgetvalue(r, 0, 4));
    } else {
        code = present_limit(connection, &current, error);
    }
    if (code == ERROR_NONE) {
        code = budget_choose(&limits, wanted, current, budget, error);
    }
    PQclear(r);
    return code;
}

/* --- passwords ------------------------------------------------------------ */

static enum error_code look(PGconn *connection, struct roles *roles, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(
        connection, &r, "select rolname from pg_roles where rolname in ('sluice_worker', 'sluice_reader')", 0,
        NULL, error);

    for (int row = 0; code == ERROR_NONE && row < PQntuples(r); row++) {
        find(roles, PQgetvalue(r, row, 0))->there = true;
    }
    PQclear(r);
    return code;
}

enum error_code roles_check_passwords(PGconn *connection, const struct roles_wanted *wanted,
                                      struct error *error)
{
    struct roles roles = of_wanted(wanted);
    enum error_code code = look(connection, &roles, error);

    for (size_t i = 0; code == ERROR_NONE && i < 2; i++) {
        const struct role *role = &roles.role[i];

        if (!role->there && role->password[0] == '\0') {
            code = error_set(error, ERROR_SETTING,
                             "%s or %s_FILE must be set: the role %s does not exist yet, and setup needs a "
                             "password to create it",
                             role->setting, role->setting, role->name);
        }
    }
    return code;
}

/* Compares the passwords. Only a superuser may read the verifiers. */
static enum error_code look_at_passwords(PGconn *connection, struct roles *roles, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(
        connection, &r, "select has_column_privilege('pg_authid', 'rolpassword', 'select')", 0, NULL, error);
    bool seen = code == ERROR_NONE && PQgetvalue(r, 0, 0)[0] == 't';

    PQclear(r);
    r = NULL;
    if (seen) {
        code = database_query(connection, &r,
                              "select rolname, coalesce(rolpassword, '') from pg_authid"
                              " where rolname in ('sluice_worker', 'sluice_reader')",
                              0, NULL, error);
    }
    for (int row = 0; seen && code == ERROR_NONE && row < PQntuples(r); row++) {
        struct role *role = find(roles, PQgetvalue(r, row, 0));

        role->password_kept = scram_matches(PQgetvalue(r, row, 1), role->password);
    }
    for (size_t i = 0; i < 2; i++) {
        roles->role[i].password_seen = seen;
        roles->role[i].password_kept |= roles->role[i].password[0] == '\0';
    }
    PQclear(r);
    return code;
}

/* Appends `alter role ... password` with a SCRAM verifier made here, so that neither the server nor its log
 * ever sees the password itself. */
static enum error_code append_password(PGconn *database, struct buf *sql, const struct role *role,
                                       struct error *error)
{
    char *verifier = PQencryptPasswordConn(database, role->password, role->name, "scram-sha-256");
    char *quoted = verifier == NULL ? NULL : PQescapeLiteral(database, verifier, strlen(verifier));
    enum error_code code = ERROR_NONE;

    if (quoted == NULL) {
        code = error_set(error, ERROR_SYSTEM, "database: no verifier for the password of %s: %s", role->name,
                         PQerrorMessage(database));
    } else {
        buf_printf(sql, "alter role %s password %s;\n", role->name, quoted);
    }
    PQfreemem(quoted);
    PQfreemem(verifier);
    return code;
}

static void tell_password(struct role *role, struct outcome *outcome)
{
    if (role->password_kept || !role->there) {
        return;
    }
    if (role->password_seen) {
        outcome_differs(outcome, "another", "the one given", "role %s, password", role->name);
        role->differences++;
    } else if (outcome->checking) {
        outcome_tell(outcome, "unknown", "role %s, password: only a superuser of the database may compare it",
                     role->name);
    } else {
        outcome_tell(outcome, "done",
                     "role %s, password (only a superuser can tell whether it was the same before)",
                     role->name);
    }
}

/* --- everything else ------------------------------------------------------ */

static void tell(struct roles *roles, struct outcome *outcome, const PGresult *r, int row, const char *is,
                 const char *wanted)
{
    const char *name = PQgetvalue(r, row, ROLE);
    struct role *role = find(roles, name);

    if (role != NULL && !role->there) {
        return; /* the role is new */
    }
    outcome_differs(outcome, is, wanted, "role %s, %s", name, PQgetvalue(r, row, WHAT));
    if (role != NULL) {
        role->differences++;
    }
}

/* Compares row `before` of the old state with row `after` of the new one, by role and item. */
static int order(const struct roles *roles, int before, int after)
{
    int by_role;

    if (before == PQntuples(roles->before) || after == PQntuples(roles->after)) {
        return before == PQntuples(roles->before) ? 1 : -1;
    }
    by_role = strcmp(PQgetvalue(roles->before, before, ROLE), PQgetvalue(roles->after, after, ROLE));
    return by_role != 0
               ? by_role
               : strcmp(PQgetvalue(roles->before, before, WHAT), PQgetvalue(roles->after, after, WHAT));
}

static void compare(struct roles *roles, struct outcome *outcome)
{
    int before = 0, after = 0;

    while (before < PQntuples(roles->before) || after < PQntuples(roles->after)) {
        int earlier = order(roles, before, after);

        if (earlier < 0) {
            tell(roles, outcome, roles->before, before, PQgetvalue(roles->before, before, VALUE), "none");
        } else if (earlier > 0) {
            tell(roles, outcome, roles->after, after, "none", PQgetvalue(roles->after, after, VALUE));
        } else if (strcmp(PQgetvalue(roles->before, before, VALUE), PQgetvalue(roles->after, after, VALUE)) !=
                   0) {
            tell(roles, outcome, roles->after, after, PQgetvalue(roles->before, before, VALUE),
                 PQgetvalue(roles->after, after, VALUE));
        }
        before += earlier <= 0;
        after += earlier >= 0;
    }
}

static void conclude(const struct roles *roles, const struct roles_wanted *wanted, struct outcome *outcome)
{
    for (size_t i = 0; i < 2; i++) {
        const struct role *role = &roles->role[i];
        struct buf what = {0};

        buf_printf(&what, "role %s", role->name);
        if (i == 0) {
            buf_printf(&what, ", connection limit %" PRId64 " (the budget)", wanted->budget);
        }
        if (!role->there) {
            outcome_missing(outcome, "%s", buf_text(&what));
        } else if (role->differences == 0) {
            outcome_there(outcome, "%s", buf_text(&what));
        }
        buf_free(&what);
    }
}

static enum error_code change(PGconn *connection, struct roles *roles, const struct roles_wanted *wanted,
                              struct error *error)
{
    struct buf sql = {0};
    enum error_code code = ERROR_NONE;

    buf_append(&sql, migrate_roles.sql, migrate_roles.len);
    buf_append_text(&sql, "alter role sluice_worker login;\nalter role sluice_reader login;\n");
    for (size_t i = 0; code == ERROR_NONE && i < 2; i++) {
        if (!roles->role[i].password_kept) {
            code = append_password(connection, &sql, &roles->role[i], error);
        }
    }
    buf_printf(&sql, "alter role sluice_worker connection limit %" PRId64, wanted->budget);
    if (code == ERROR_NONE && sql.failed) {
        code = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (code == ERROR_NONE) {
        code = database_run(connection, buf_text(&sql), error);
    }
    buf_free(&sql);
    return code;
}

enum error_code roles_apply(PGconn *connection, const struct roles_wanted *wanted, struct outcome *outcome,
                            struct error *error)
{
    struct roles roles = of_wanted(wanted);
    enum error_code code = look(connection, &roles, error);

    if (code == ERROR_NONE) {
        code = look_at_passwords(connection, &roles, error);
    }
    if (code == ERROR_NONE) {
        code = database_run(connection, "begin", error);
    }
    if (code == ERROR_NONE) {
        code = database_query(connection, &roles.before, state_sql, 0, NULL, error);
    }
    if (code == ERROR_NONE) {
        code = change(connection, &roles, wanted, error);
    }
    if (code == ERROR_NONE) {
        code = database_query(connection, &roles.after, state_sql, 0, NULL, error);
    }
    if (code == ERROR_NONE) {
        code = database_run(connection, outcome->checking ? "rollback" : "commit", error);
    }
    if (code == ERROR_NONE) {
        compare(&roles, outcome);
        for (size_t i = 0; i < 2; i++) {
            tell_password(&roles.role[i], outcome);
        }
        conclude(&roles, wanted, outcome);
    }
    PQclear(roles.before);
    PQclear(roles.after);
    return code;
}

void roles_renew_sessions(PGconn *connection, const char *subcommand)
{
    struct error error = {0};

    if (database_run(connection,
                     "select pg_terminate_backend(pid) from pg_stat_activity"
                     " where usename = 'sluice_worker' and datname = current_database()",
                     &error) != ERROR_NONE) {
        report_problem(subcommand, "the workers' sessions can't be ended (%s): restart the workers",
                       error.text);
    }
}
