/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/look/reader.h"
#include "ctl/look/search.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "mapping.h"
#include "sample.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME "map"
#define LIMIT 1000
#define LIMIT_MOST 10000
#define DEPTH 2
#define DEPTH_MOST 16
#define TIME_US (20 * CLOCK_US_PER_S)

struct map {
    struct search search;
    const char *view, *table, *since;
    int64_t depth;
    bool json;
    char name[SQL_NAME_SIZE]; /* of the view or table */
};

/* --- printing ------------------------------------------------------------- */

static void add_column(cJSON *columns, const struct field *field)
{
    cJSON *column = cJSON_CreateObject(), *kinds;

    (void)cJSON_AddStringToObject(column, "name", field->name);
    (void)cJSON_AddRawToObject(column, "path", field->path);
    (void)cJSON_AddStringToObject(column, "type", field_type(field));
    record_add_count(column, "seen", field->seen);
    record_add_count(column, "null", field->nulls);
    kinds = cJSON_AddArrayToObject(column, "kinds");
    for (enum kind kind = KIND_BIGINT; kind < KIND_NULL; kind++) {
        if ((field->kinds & KIND_BIT(kind)) != 0) {
            (void)cJSON_AddItemToArray(kinds, cJSON_CreateString(kind_word(kind)));
        }
    }
    record_add_count(column, "longest", field->longest);
    (void)cJSON_AddItemToArray(columns, column);
}

static void print_json(const struct mapping *mapping, struct buf *sql)
{
    const struct sample *sample = mapping->sample;
    cJSON *object = cJSON_CreateObject(), *columns, *left_out;

    (void)cJSON_AddStringToObject(object, "source", mapping->source);
    (void)cJSON_AddStringToObject(object, mapping->is_table ? "table" : "view", mapping->name);
    record_add_count(object, "events", sample->read);
    record_add_count(object, "objects", sample->plain);
    (void)cJSON_AddStringToObject(object, "from", mapping->oldest);
    (void)cJSON_AddStringToObject(object, "to", mapping->newest);
    columns = cJSON_AddArrayToObject(object, "columns");
    for (size_t i = 0; i < sample->fields.count; i++) {
        if (sample->fields.all[i].column != KIND_NONE) {
            add_column(columns, &sample->fields.all[i]);
        }
    }
    left_out = cJSON_AddObjectToObject(object, "left_out");
    record_add_count(left_out, "paths", (int64_t)sample->fields.rare);
    record_add_count(left_out, "values", sample->fields.beyond + sample->long_keys);
    record_add_count(left_out, "parts_of_events", sample->cut);
    record_add_count(left_out, "slow_events", sample->slow);
    record_add_count(left_out, "unread_events", sample->unread);
    record_add_count(left_out, "expired_events", sample->expired);
    (void)cJSON_AddStringToObject(object, "sql", buf_text(sql));
    record_print(NAME, object);
}

static enum error_code print(const struct map *m, const struct search_page *page, const struct sample *sample,
                             struct error *error)
{
    const struct mapping mapping = {
        .source = m->search.source,
        .name = m->name,
        .is_table = m->table != NULL,
        .newest = PQgetvalue(page->rows, 0, SEARCH_RECEIVED),
        .oldest = PQgetvalue(page->rows, PQntuples(page->rows) - 1, SEARCH_RECEIVED),
        .sample = sample,
    };
    struct buf sql = {0};
    enum error_code code = ERROR_NONE;

    mapping_append_sql(&mapping, &sql);
    if (sql.failed) {
        code = error_set(error, ERROR_MEMORY, "no memory for the SQL of %zu columns", sample->fields.columns);
    } else if (m->json) {
        print_json(&mapping, &sql);
    } else {
        report_line("%.*s", (int)sql.len - 1, buf_text(&sql)); /* its newline is the line's */
    }
    buf_free(&sql);
    return code;
}

/* --- reading ---------------------------------------------------------------- */

static enum error_code read_samples(struct map *m, PGconn *database, struct search_page *page,
                                    struct sample *sample, struct error *error)
{
    enum error_code code = search_run(&m->search, database, page, error);

    if (code == ERROR_NONE && PQntuples(page->rows) == 0) {
        return error_set(error, ERROR_NOT_FOUND, "no event of the source %s is stored%s", m->search.source,
                         m->since == NULL ? "" : " since then");
    }
    if (code == ERROR_NONE) {
        code = sample_read(sample, database, page, m->depth, TIME_US, error);
    }
    if (code == ERROR_NONE && sample->expired > 0 && sample->read == 0) {
        return error_set(error, ERROR_NOT_FOUND,
                         "the bodies of the newest %" PRId64 " events of the source %s have expired",
                         sample->expired, m->search.source);
    }
    if (code == ERROR_NONE && sample->plain == 0) {
        return error_set(error, ERROR_NOT_FOUND,
                         "none of the newest %" PRId64
                         " events of the source %s has a payload that is a JSON "
                         "object; payload_error in the view webhooks says why",
                         sample->read, m->search.source);
    }
    return code == ERROR_NONE ? fields_choose(&sample->fields, error) : code;
}

static enum exit_code map(struct map *m, const struct reader_settings *settings)
{
    struct search_page page = {0};
    struct sample sample = {0};
    PGconn *database = NULL;
    struct error error = {0};
    enum error_code code = reader_open(&database, &settings->database, NAME, &error);

    if (code == ERROR_NONE) {
        code = read_samples(m, database, &page, &sample, &error);
    }
    if (code == ERROR_NONE) {
        code = print(m, &page, &sample, &error);
    }
    fields_free(&sample.fields);
    search_free(&page);
    PQfinish(database);
    return code == ERROR_NONE ? EXIT_DONE : report_error(NAME, &error);
}

/* Chooses the name of the view or table. Returns false, with a line on standard error, when the options don't
 * fit together. */
static bool check(struct map *m)
{
    const char *name = m->table != NULL ? m->table : m->view;

    if (m->search.source == NULL || (m->view != NULL && m->table != NULL)) {
        report_problem(NAME,
                       "--source NAME is needed, and not both --view and --table; see sluice map --help");
        return false;
    }
    if (m->since != NULL && !moment_read(m->since, &m->search.since)) {
        report_problem(NAME, "--since %s is neither a time (2026-11-23T22:43:01Z) nor an age (90s, 2h, 30d)",
                       m->since);
        return false;
    }
    if (name != NULL && !sql_is_name(name)) {
        report_problem(NAME,
                       "%s is not a name of at most %d letters, digits and _: choose one, and rename it",
                       name, SQL_NAME_SIZE - 1);
        return false;
    }
    if (name == NULL) {
        struct buf words = {0};

        sql_append_name(&words, span_of(m->search.source));
        (void)snprintf(m->name, sizeof m->name, "%.*s_events", (int)(sizeof m->name - sizeof "_events"),
                       buf_text(&words));
        buf_free(&words);
    } else {
        (void)snprintf(m->name, sizeof m->name, "%s", name);
    }
    return true;
}

static const struct option_rule rules[] = {
    {"--source", OPTION_TEXT, offsetof(struct map, search.source), "NAME", "events of this source; needed", 0,
     0},
    {"--view", OPTION_TEXT, offsetof(struct map, view), "NAME",
     "SQL for a view of this name; default: SOURCE_events", 0, 0},
    {"--table", OPTION_TEXT, offsetof(struct map, table), "NAME",
     "SQL for a table, and for the trigger that fills it", 0, 0},
    {"--since", OPTION_TEXT, offsetof(struct map, since), "TIME",
     "of those received then or later: 2026-11-23T22:43:01Z, or an age: 90s, 2h, 30d", 0, 0},
    {"--limit", OPTION_NUMBER, offsetof(struct map, search.limit), "N", "read at most the newest N (1000)", 1,
     LIMIT_MOST},
    {"--depth", OPTION_NUMBER, offsetof(struct map, depth), "N",
     "columns for members N levels deep (2); what is deeper stays JSON", 1, DEPTH_MOST},
    {"--json", OPTION_FLAG, offsetof(struct map, json), NULL, "as one JSON object: columns, and the SQL", 0,
     0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct map m = {.depth = DEPTH, .search = {.limit = LIMIT}};

    return options_read(NAME, rules, &m, count, arguments) && check(&m) ? map(&m, settings) : EXIT_USAGE;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--source NAME [--view NAME | --table NAME] [OPTION]...",
    .summary = "print SQL for typed columns, from the stored events of a source",
    .help =
        "Looks at the newest events of a source and prints SQL for you to edit and run as the role that\n"
        "owns the database: a view, or a table with the trigger that fills it. Each column has a comment\n"
        "that says what was seen. Nothing is changed in the database.\n",
    .options = rules,
    .notes = "Exit code 1 when no event with a JSON object is stored.\n",
    .settings = settings_reader,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
