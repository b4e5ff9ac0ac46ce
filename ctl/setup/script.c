/* SPDX-License-Identifier: MIT */
#include "script.h"

#include "budget.h"
#include "migrate.h"

#include <inttypes.h>
#include <stdio.h>

#define WORKER_PASSWORD "SETUP_WORKER_DATABASE_PASSWORD"
#define READER_PASSWORD "SETUP_READER_DATABASE_PASSWORD"

static void append_migration(struct buf *out, const struct migration *m)
{
    char hex[MIGRATE_SHA256_HEX + 1];

    migrate_sha256(m, hex);
    buf_printf(
        out,
        "\n-- %s\n"
        "select not exists (select from sluice.sluice_migrations where name = '%s') as missing \\gset\n"
        "\\if :missing\n"
        "begin;\n",
        m->name, m->name);
    buf_append(out, m->sql, m->len);
    buf_printf(out,
               "insert into sluice.sluice_migrations (name, sha256) values ('%s', '%s');\n"
               "commit;\n"
               "\\endif\n",
               m->name, hex);
}

/* Without a password the role's password stays. */
static void append_password(struct buf *out, const char *role, const char *variable)
{
    buf_printf(out, "\\if :{?%s}\nalter role %s password :'%s';\n\\endif\n", variable, role, variable);
}

/* The same arithmetic as in budget.c, but in SQL. */
static void append_budget(struct buf *out, int64_t budget)
{
    buf_append_text(
        out,
        "\n-- The worker role's connection limit is the budget of all workers together.\n"
        "select current_setting('max_connections')::int\n"
        "     - current_setting('superuser_reserved_connections')::int\n"
        "     - coalesce(current_setting('reserved_connections', true), '0')::int as available \\gset\n");
    if (budget == 0) {
        buf_printf(out,
                   "select coalesce((select rolconnlimit from pg_roles where rolname = 'sluice_worker'\n"
                   "                  and rolconnlimit >= 0), least(%d, :available / 2)) as budget \\gset\n",
                   BUDGET_CHOSEN_MAX);
    } else {
        buf_printf(out, "\\set budget %" PRId64 "\n", budget);
    }
    buf_printf(out,
               "select :budget >= %d and :budget < :available as safe \\gset\n"
               "\\if :safe\n"
               "\\else\n"
               "\\warn 'the budget' :budget 'must be at least 1 and below' :available\n"
               "select 1 / 0 as unsafe_budget; -- ends the script with psql's exit code 3\n"
               "\\endif\n",
               budget == 0 ? 0 : 1);
}

/* Sets the psql variable from a file, if one is named and the variable is not set. Every user of the machine
 * can read a command line. */
static void append_password_file(struct buf *out, const char *variable, const char *setting)
{
    buf_printf(out,
               "\\set named `test -n \"$%s_FILE\" && echo yes || echo no`\n"
               "\\if :{?%s}\n"
               "\\elif :named\n"
               "\\set given `test -s \"$%s_FILE\" && echo yes || echo no`\n"
               "\\if :given\n"
               "\\set %s `cat \"$%s_FILE\"`\n"
               "\\else\n"
               "\\warn '%s_FILE names no file that holds a password'\n"
               "select 1 / 0 as no_password; -- ends the script with psql's exit code 3\n"
               "\\endif\n"
               "\\endif\n",
               setting, variable, setting, variable, setting, setting);
}

void script_append(struct buf *out, int64_t budget)
{
    buf_append_text(
        out, "-- The database part of `sluice setup` (" SLUICE_VERSION "). Run it with psql as the\n"
             "-- owner of the database, who must be allowed to create roles:\n"
             "--   export " WORKER_PASSWORD "_FILE=worker.secret " READER_PASSWORD "_FILE=reader.secret\n"
             "--   psql -X -f this-file\n"
             "-- The passwords are read from these files, so that no command line contains one. A SCRAM\n"
             "-- verifier instead of a password keeps it out of the server's log.\n"
             "-- Without a file the role's password stays unchanged.\n"
             "\\set ON_ERROR_STOP on\n");
    append_password_file(out, "worker_password", WORKER_PASSWORD);
    append_password_file(out, "reader_password", READER_PASSWORD);
    buf_append_text(out, "set search_path = sluice, public;\n"
                         "set lock_timeout = '30s';\n");
    append_budget(out, budget);
    buf_append_char(out, '\n');
    buf_append(out, migrate_schema.sql, migrate_schema.len);
    for (const struct migration *m = migrations; m->name != NULL; m++) {
        append_migration(out, m);
    }
    buf_append_text(out, "\nbegin;\n");
    buf_append(out, migrate_roles.sql, migrate_roles.len);
    buf_append_text(out, "alter role sluice_worker login connection limit :budget;\n"
                         "alter role sluice_reader login;\n");
    append_password(out, "sluice_worker", "worker_password");
    append_password(out, "sluice_reader", "reader_password");
    buf_append_text(out, "commit;\n");
}

void script_print(int64_t budget)
{
    struct buf script = {0};

    script_append(&script, budget);
    (void)fwrite(script.data, 1, script.len, stdout);
    buf_free(&script);
}
