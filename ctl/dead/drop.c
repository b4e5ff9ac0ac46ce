/* SPDX-License-Identifier: MIT */
#include "ctl/database.h"
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
    bool dry_run;
    int argument_count;
    char **arguments;
};

/* Prints one line for each kind of dead letter that would be deleted. */
static enum error_code print_kinds(const struct drop *d, PGconn *database, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = deadfilter_query(&d->filter, database, &r, deadtable_kinds, 0, NULL, error);

    for (int i = 0; code == ERROR_NONE && i < PQntuples(r); i++) {
        report_line("%10s  %s %s", PQgetvalue(r, i, 2), PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
    }
    PQclear(r);
    return code;
}

static enum error_code drop(struct drop *d, PGconn *database, struct error *error)
{
    const struct dropper_options options = {
        .action = NAME, .argument_count = d->argument_count, .arguments = d->arguments};
    int64_t matched = 0, unreadable = 0, dropped = 0;
    enum error_code code = database_run(database, "set statement_timeout = '60s'", error);

    if (code == ERROR_NONE) {
        code = deadfilter_begin(&d->filter, database, error);
    }
    if (code == ERROR_NONE) {
        code = print_kinds(d, database, error);
    }
    if (code == ERROR_NONE && d->dry_run) {
        code = deadfilter_count(&d->filter, database, &matched, &unreadable, error);
        if (code == ERROR_NONE) {
            report_line("would drop %" PRId64, matched);
        }
    } else if (code == ERROR_NONE) {
        code = dropper_run(&d->filter, database, &options, &dropped, error);
        report_line("dropped %" PRId64, dropped);
    }
    return code;
}

static const struct option_rule rules[] = {
    DEADFILTER_RULES(struct drop),
    DEADFILTER_ALL_RULE(struct drop),
    {"--dry-run", OPTION_FLAG, offsetof(struct drop, dry_run), NULL, "only print how many", 0, 0},
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
    .arguments = "--all|FILTER... [--dry-run]",
    .summary = "delete dead letters for good",
    .help = "Deletes the dead letters that match the filter and prints how many of each kind. This can't be\n"
            "undone.\n",
    .options = rules,
    .settings = settings_owner,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
