/* SPDX-License-Identifier: MIT */
#include "ctl/audit.h"
#include "ctl/database.h"
#include "ctl/options.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "signals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "prune"
#define BATCH "5000"
#define DAY_US (INT64_C(24) * 3600 * 1000000)

struct prune {
    PGconn *database;
    char before[48];  /* rows received before this are deleted */
    char from[48];    /* rows received before this are already gone */
    int64_t older_us; /* -1: not given */
    int64_t pruned, left;
    bool dry_run, json;
    int argument_count;
    char **arguments;
};

/* Deletes one batch in its own transaction. Skips locked rows, such as one that a worker is updating. `from`
 * lets the server skip the index entries of rows that are already deleted. */
static enum error_code prune_batch(struct prune *p, int64_t *gone, struct error *error)
{
    const char *const parameters[] = {p->before, p->from};
    PGresult *r = NULL;
    enum error_code code =
        database_query(p->database, &r,
                       "with gone as (delete from webhooks_raw where ctid = any (array("
                       "  select ctid from webhooks_raw where received_at < $1::timestamptz"
                       "   and received_at >= $2::timestamptz order by received_at limit " BATCH
                       "  for update skip locked)) returning received_at)"
                       " select count(*), coalesce(max(received_at), '-infinity') from gone",
                       2, parameters, error);

    *gone = 0;
    if (code == ERROR_NONE) {
        *gone = atoll(PQgetvalue(r, 0, 0));
        p->pruned += *gone;
        (void)snprintf(p->from, sizeof p->from, "%s", PQgetvalue(r, 0, 1));
    }
    PQclear(r);
    return code;
}

static enum error_code count_left(struct prune *p, struct error *error)
{
    const char *const parameters[] = {p->before};
    PGresult *r = NULL;
    enum error_code code = database_query(
        p->database, &r, "select count(*) from webhooks_raw where received_at < $1::timestamptz", 1,
        parameters, error);

    if (code == ERROR_NONE) {
        p->left = atoll(PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    return code;
}

static enum error_code begin(struct prune *p, struct error *error)
{
    char age[24];
    const char *const parameters[] = {age};
    PGresult *r = NULL;
    enum error_code code = database_run(p->database,
                                        "set timezone = 'UTC'; set lock_timeout = "
                                        "'1s'; set statement_timeout = '60s'",
                                        error);

    (void)snprintf(age, sizeof age, "%" PRId64, p->older_us);
    if (code == ERROR_NONE) {
        code = database_query(p->database, &r,
                              "select " RECORD_TIME("now() - $1::bigint * interval '1 microsecond'"), 1,
                              parameters, error);
    }
    if (code == ERROR_NONE) {
        (void)snprintf(p->before, sizeof p->before, "%s", PQgetvalue(r, 0, 0));
        (void)snprintf(p->from, sizeof p->from, "-infinity");
    }
    PQclear(r);
    return code;
}

static void tell(const struct prune *p, const char *what, int64_t rows)
{
    cJSON *object;

    if (!p->json) {
        report_line("%s %" PRId64 " rows received before %s", what, rows, p->before);
        return;
    }
    object = cJSON_CreateObject();
    (void)cJSON_AddBoolToObject(object, "dry_run", p->dry_run);
    record_add_count(object, p->dry_run ? "would_prune" : "pruned", rows);
    (void)cJSON_AddStringToObject(object, "before", p->before);
    record_add_count(object, "left", p->left);
    record_print(NAME, object);
}

/* Deletes batch after batch, until none is left or the command is interrupted. */
static enum error_code prune_all(struct prune *p, struct error *error)
{
    struct audit audit;
    int64_t gone = 1;
    enum error_code code = audit_begin(&audit, p->database, NAME, p->argument_count, p->arguments, error);

    if (code != ERROR_NONE) {
        return code;
    }
    while (code == ERROR_NONE && gone > 0 && !signals_drain_requested()) {
        code = prune_batch(p, &gone, error);
    }
    audit_end(&audit, p->pruned, code);
    return code;
}

static enum error_code prune(struct prune *p, struct error *error)
{
    enum error_code code = begin(p, error);

    if (code == ERROR_NONE && p->dry_run) {
        code = count_left(p, error);
        if (code == ERROR_NONE) {
            tell(p, "would prune", p->left);
            p->left = 0;
        }
        return code;
    }
    if (code == ERROR_NONE) {
        code = prune_all(p, error);
    }
    if (code == ERROR_NONE) {
        code = count_left(p, error);
    }
    tell(p, "pruned", p->pruned);
    if (code == ERROR_NONE && p->left > 0) {
        report_problem(NAME, "%" PRId64 " are left, %s; run it again", p->left,
                       signals_drain_requested() ? "because the command was interrupted"
                                                 : "locked by others");
    }
    return code;
}

static const struct option_rule rules[] = {
    {"--older-than", OPTION_DURATION, offsetof(struct prune, older_us), "AGE", "90s, 12h, 30d", 0,
     100 * 366 * DAY_US},
    {"--dry-run", OPTION_FLAG, offsetof(struct prune, dry_run), NULL, "only print how many", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct prune, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct owner_settings *settings = any_settings;
    struct prune p = {.older_us = -1, .argument_count = count, .arguments = arguments};
    struct error error = {0};
    enum error_code code;

    if (!options_read(NAME, rules, &p, count, arguments)) {
        return EXIT_USAGE;
    }
    if (p.older_us < 0) {
        report_problem(NAME, "--older-than is needed; see sluice prune --help");
        return EXIT_USAGE;
    }
    code = signals_install_drain(&error);
    if (code == ERROR_NONE) {
        code = database_open(&p.database, settings->database_url, settings->database_password, NAME, &error);
    }
    if (code == ERROR_NONE) {
        code = prune(&p, &error);
    }
    PQfinish(p.database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    return p.left == 0 ? EXIT_DONE : EXIT_NO;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--older-than AGE [--dry-run] [--json]",
    .summary = "delete old stored events",
    .help = "Deletes the rows of webhooks_raw that were received longer ago than AGE, 5,000 in a\n"
            "transaction, while events continue to be stored. If an event with a pruned id is delivered\n"
            "again, it makes a new row.\n",
    .options = rules,
    .notes = "Exit code 1 when rows are left because others had locked them.\n",
    .settings = settings_owner,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
