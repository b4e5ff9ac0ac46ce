/* SPDX-License-Identifier: MIT */
#include "ctl/database.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "ctl/tabulate.h"
#include "filter.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME "dead list"
#define LIMIT 50
#define LIMIT_MOST 1000000
#define REASON_WIDTH 80

struct list {
    struct deadfilter filter;
    int64_t limit;
    bool json;
};

static void print_table(const PGresult *r, int64_t all)
{
    static const struct tabulate_column columns[] = {
        {"dead", 0, true},     {"died (UTC)", 0, false},        {"source", 20, false},
        {"id", 40, false},     {"verdict", 0, false},           {"sqlstate", 0, false},
        {"attempts", 0, true}, {"reason", REASON_WIDTH, false},
    };

    tabulate(columns, sizeof columns / sizeof columns[0], r);
    report_line("%d of %" PRId64 " dead letters", PQntuples(r), all);
}

static void print_json(const PGresult *r, int64_t all)
{
    report_line("{\"count\":%" PRId64 ",\"dead\":[", all);
    for (int i = 0; i < PQntuples(r); i++) {
        report_line("%s%s", PQgetvalue(r, i, 0), i + 1 < PQntuples(r) ? "," : "");
    }
    report_line("]}");
}

static enum error_code list(struct list *l, PGconn *database, struct error *error)
{
    char limit[24];
    const char *const more[] = {limit};
    int64_t all = 0, unreadable = 0;
    PGresult *r = NULL;
    enum error_code code =
        database_run(database, "set statement_timeout = '60s'; set timezone = 'UTC'", error);

    (void)snprintf(limit, sizeof limit, "%" PRId64, l->limit);
    if (code == ERROR_NONE) {
        code = deadfilter_begin(&l->filter, database, error);
    }
    if (code == ERROR_NONE) {
        code = deadfilter_count(&l->filter, database, &all, &unreadable, error);
    }
    if (code == ERROR_NONE) {
        code = deadfilter_query(&l->filter, database, &r, l->json ? deadtable_list_json : deadtable_list, 1,
                                more, error);
    }
    if (code == ERROR_NONE && l->json) {
        print_json(r, all);
    } else if (code == ERROR_NONE) {
        print_table(r, all);
    }
    PQclear(r);
    return code;
}

static const struct option_rule rules[] = {
    DEADFILTER_RULES(struct list),
    {"--limit", OPTION_NUMBER, offsetof(struct list, limit), "N", "at most the newest N (50)", 1, LIMIT_MOST},
    {"--json", OPTION_FLAG, offsetof(struct list, json), NULL,
     "as {\"count\": N, \"dead\": [...]}, reasons uncut", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct reader_settings *settings = any_settings;
    struct list l = {.filter = DEADFILTER_ANY, .limit = LIMIT};
    struct error error = {0};
    PGconn *database = NULL;
    enum error_code code;

    if (!options_read(NAME, rules, &l, count, arguments)) {
        return EXIT_USAGE;
    }
    code = database_open(&database, DATABASE_READS, settings->database.url, settings->database.password, NAME,
                         &error);
    if (code == ERROR_NONE) {
        code = list(&l, database, &error);
    }
    deadfilter_end(&l.filter);
    PQfinish(database);
    return code == ERROR_NONE ? EXIT_DONE : report_error(NAME, &error);
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[OPTION]...",
    .summary = "list dead letters, newest first, without their bodies",
    .help = "Lists dead letters and prints how many there are.\n",
    .options = rules,
    .settings = settings_reader,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
