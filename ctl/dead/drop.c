/* SPDX-License-Identifier: MIT */
#include "ctl/database.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "dropper.h"
#include "filter.h"
#include "table.h"

#include <inttypes.h>

#define NAME "dead drop"

struct drop {
    struct deadfilter filter;
    bool dry_run, json;
    int argument_count;
    char **arguments;
};

/* Tells how many of each kind would be deleted: a line for each, or an object in kinds. */
static enum error_code tell_kinds(const struct drop *d, PGconn *database, cJSON *kinds, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = deadfilter_query(&d->filter, database, &r, deadtable_kinds, 0, NULL, error);

    for (int i = 0; code == ERROR_NONE && i < PQntuples(r); i++) {
        if (d->json) {
            (void)cJSON_AddItemToArray(kinds, record_of_row(r, i));
        } else {
            report_line("%10s  %s %s", PQgetvalue(r, i, 2), PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
        }
    }
    PQclear(r);
    return code;
}

/* Takes kinds. */
static void tell(const struct drop *d, int64_t count, cJSON *kinds)
{
    if (d->json) {
        cJSON *object = cJSON_CreateObject();

        (void)cJSON_AddBoolToObject(object, "dry_run", d->dry_run);
        record_add_count(object, d->dry_run ? "would_drop" : "dropped", count);
        (void)cJSON_AddItemToObject(object, "kinds", kinds);
        record_print(NAME, object);
    } else {
        cJSON_Delete(kinds);
        report_line("%s %" PRId64, d->dry_run ? "would drop" : "dropped", count);
    }
}

static enum error_code drop(struct drop *d, PGconn *database, struct error *error)
{
    const struct dropper_options options = {
        .action = NAME, .argument_count = d->argument_count, .arguments = d->arguments};
    int64_t count = 0, unreadable = 0;
    cJSON *kinds = cJSON_CreateArray();
    enum error_code code = database_run(database, "set statement_timeout = '60s'", error);

    if (code == ERROR_NONE) {
        code = deadfilter_begin(&d->filter, database, error);
    }
    if (code == ERROR_NONE) {
        code = tell_kinds(d, database, kinds, error);
    }
    if (code != ERROR_NONE) {
        cJSON_Delete(kinds);
        return code;
    }
    code = d->dry_run ? deadfilter_count(&d->filter, database, &count, &unreadable, error)
                      : dropper_run(&d->filter, database, &options, &count, error);
    if (code == ERROR_NONE || !d->dry_run) {
        tell(d, count, kinds);
    } else {
        cJSON_Delete(kinds);
    }
    return code;
}

static const struct option_rule rules[] = {
    DEADFILTER_RULES(struct drop),
    DEADFILTER_ALL_RULE(struct drop),
    {"--dry-run", OPTION_FLAG, offsetof(struct drop, dry_run), NULL, "only print how many", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct drop, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct owner_settings *settings = any_settings;
    struct drop d = {.filter = DEADFILTER_ANY, .argument_count = count, .arguments = arguments};
    struct error error = {0};
    PGconn *database = NULL;
    enum error_code code;

    if (!options_read(NAME, rules, &d, count, arguments)) {
        return EXIT_USAGE;
    }
    if (!deadfilter_chosen(&d.filter)) {
        report_problem(NAME, DEADFILTER_UNCHOSEN(NAME));
        return EXIT_USAGE;
    }
    code = database_open(&database, DATABASE_WRITES, settings->database_url, settings->database_password,
                         NAME, &error);
    if (code == ERROR_NONE) {
        code = drop(&d, database, &error);
    }
    deadfilter_end(&d.filter);
    PQfinish(database);
    return code == ERROR_NONE ? EXIT_DONE : report_error(NAME, &error);
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--all|FILTER... [--dry-run] [--json]",
    .summary = "delete dead letters for good",
    .help = "Deletes the dead letters that match the filter and prints how many of each kind. This can't be\n"
            "undone.\n",
    .options = rules,
    .settings = settings_owner,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
