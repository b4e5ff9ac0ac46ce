/* SPDX-License-Identifier: MIT */
#include "ctl/database.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "ctl/tabulate.h"
#include "filter.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

#define NAME "dead show"
#define BODY_SHOWN 4000 /* characters */

struct show {
    const char *dead_id;
    bool json, body;
};

static void print_lines(const PGresult *r)
{
    int why = PQnfields(r) - 1, body_text = why - 1;
    struct buf text = {0};

    for (int f = 0; f < body_text; f++) {
        if (!PQgetisnull(r, 0, f) && PQgetvalue(r, 0, f)[0] != '\0') {
            (void)tabulate_append(&text, PQgetvalue(r, 0, f), 0);
            report_line("%-12s  %s", PQfname(r, f), buf_text(&text));
            buf_clear(&text);
        }
    }
    if (PQgetisnull(r, 0, body_text)) {
        (void)tabulate_append(&text, PQgetvalue(r, 0, why), 0);
        report_line("%-12s  %s: see sluice dead show --body", "", buf_text(&text));
    } else {
        (void)tabulate_append(&text, PQgetvalue(r, 0, body_text), BODY_SHOWN);
        report_line("\n%s", buf_text(&text));
    }
    buf_free(&text);
}

static enum error_code print_body(const PGresult *r, struct error *error)
{
    size_t len = 0;
    unsigned char *body = PQunescapeBytea((const unsigned char *)PQgetvalue(r, 0, 0), &len);
    enum error_code code = ERROR_NONE;

    if (body == NULL || fwrite(body, 1, len, stdout) != len || fflush(stdout) != 0) {
        code =
            error_set(error, ERROR_SYSTEM, "the body (%zu bytes) can't be written to standard output", len);
    }
    PQfreemem(body);
    return code;
}

static enum error_code show(const struct show *s, PGconn *database, struct error *error)
{
    struct buf array = {0};
    PGresult *r = NULL;
    enum error_code code = ERROR_NONE;

    if (!deadfilter_append_array(&array, s->dead_id) || strchr(s->dead_id, ',') != NULL) {
        code = error_set(error, ERROR_MALFORMED,
                         "%s is not the number of a dead letter; sluice dead list shows them", s->dead_id);
    }
    if (code == ERROR_NONE) {
        code = database_run(database, "set statement_timeout = '60s'; set timezone = 'UTC'", error);
    }
    if (code == ERROR_NONE) {
        const char *const parameters[] = {buf_text(&array)};

        code = database_query(database, &r,
                              s->json   ? deadtable_show_json
                              : s->body ? deadtable_body
                                        : deadtable_show,
                              1, parameters, error);
    }
    if (code == ERROR_NONE && PQntuples(r) == 0) {
        code = error_set(error, ERROR_NOT_FOUND, "there is no dead letter %s", s->dead_id);
    }
    if (code == ERROR_NONE && s->json) {
        record_print(NAME, record_of_row(r, 0));
    } else if (code == ERROR_NONE && s->body) {
        code = print_body(r, error);
    } else if (code == ERROR_NONE) {
        print_lines(r);
    }
    PQclear(r);
    buf_free(&array);
    return code;
}

static const struct option_rule rules[] = {
    {"N", OPTION_OPERAND, offsetof(struct show, dead_id), NULL, NULL, 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct show, json), NULL,
     "as one JSON object: body is text, or body_base64 if it isn't UTF-8; payload if it is JSON", 0, 0},
    {"--body", OPTION_FLAG, offsetof(struct show, body), NULL, "only the body, byte for byte", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct reader_settings *settings = any_settings;
    struct show s = {0};
    struct error error = {0};
    PGconn *database = NULL;
    enum error_code code;

    if (!options_read(NAME, rules, &s, count, arguments)) {
        return EXIT_USAGE;
    }
    if (s.dead_id == NULL || (s.json && s.body)) {
        report_problem(NAME,
                       "one number is needed, and not both --json and --body; see sluice dead show --help");
        return EXIT_USAGE;
    }
    code = database_open(&database, DATABASE_READS, settings->database.url, settings->database.password, NAME,
                         &error);
    if (code == ERROR_NONE) {
        code = show(&s, database, &error);
    }
    PQfinish(database);
    return code == ERROR_NONE ? EXIT_DONE : report_error(NAME, &error);
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "N [--json|--body]",
    .summary = "show one dead letter",
    .help = "Shows the dead letter with this number (see sluice dead list) and the start of its body.\n",
    .options = rules,
    .notes = "Exit code 1 when there is no such dead letter.\n",
    .settings = settings_reader,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
