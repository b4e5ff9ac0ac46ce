/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "conditions.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "ctl/tabulate.h"
#include "cursor.h"
#include "reader.h"

#define NAME "find"
#define LIMIT 50
#define LIMIT_MOST 10000
#define LOOKED_MOST 100000
#define TIME_US (20 * CLOCK_US_PER_S)
#define LOOKED_LIMIT 100000000

struct find {
    struct conditions conditions;
    bool json;
};

/* --- printing ------------------------------------------------------------- */

static void print_text(const struct search_page *page)
{
    static const struct tabulate_column columns[] = {
        {"received", 0, false}, {"source", 20, false}, {"id", 40, false},
        {"method", 0, false},   {"path", 60, false},   {"bytes", 0, true},
    };
    struct buf summary = {0}, cursor = {0};

    if (page->rows != NULL && PQntuples(page->rows) > 0) {
        tabulate(columns, sizeof columns / sizeof columns[0], page->rows);
    }
    search_append_summary(page, &summary);
    report_line("%s", buf_text(&summary));
    buf_append_span(&cursor, buf_span(&page->cursor));
    if (page->complete) {
        report_line("Nothing is left to search.");
    } else {
        report_line("There is more%s: --after %s", page->tired ? ", but the time is up" : "",
                    buf_text(&cursor));
    }
    buf_free(&summary);
    buf_free(&cursor);
}

static void add_time(cJSON *object, const char *name, int64_t us)
{
    struct buf text = {0};

    if (us == SEARCH_OPEN) {
        (void)cJSON_AddNullToObject(object, name);
    } else {
        clock_append(&text, us);
        (void)cJSON_AddStringToObject(object, name, buf_text(&text));
    }
    buf_free(&text);
}

static void print_json(struct search_page *page)
{
    cJSON *object = cJSON_CreateObject(), *events = cJSON_AddArrayToObject(object, "events"), *searched;

    for (int row = 0; page->rows != NULL && row < PQntuples(page->rows); row++) {
        cJSON *event = record_of_row(page->rows, row);

        cJSON_DeleteItemFromObjectCaseSensitive(event, PQfname(page->rows, SEARCH_RECEIVED_US));
        (void)cJSON_AddItemToArray(events, event);
    }
    searched = cJSON_AddObjectToObject(object, "searched");
    record_add_count(searched, "events", page->looked);
    add_time(searched, "from", page->from_us);
    add_time(searched, "to", page->to_us);
    (void)cJSON_AddBoolToObject(object, "complete", page->complete);
    (void)cJSON_AddItemToObject(
        object, "after", page->complete ? cJSON_CreateNull() : cJSON_CreateString(buf_text(&page->cursor)));
    record_print(NAME, object);
}

/* --- reading ---------------------------------------------------------------- */

static bool check_cursor(const char *text)
{
    struct cursor cursor = {0};
    bool good = text == NULL || cursor_read(text, &cursor);

    if (!good) {
        report_problem(NAME, "--after %s is not a cursor that sluice find has printed", text);
    }
    cursor_free(&cursor);
    return good;
}

static enum exit_code find(const struct find *f, const struct reader_settings *settings)
{
    struct search_page page = {0};
    PGconn *database = NULL;
    struct error error = {0};
    enum error_code code = reader_open(&database, &settings->database, NAME, &error);
    bool shown;

    if (code == ERROR_NONE) {
        code = search_run(&f->conditions.search, database, &page, &error);
    }
    shown = code == ERROR_NONE || page.looked > 0; /* what was found before an error, too */
    if (shown && f->json) {
        print_json(&page);
    } else if (shown) {
        print_text(&page);
    }
    search_free(&page);
    PQfinish(database);
    return code == ERROR_NONE ? EXIT_DONE : report_error(NAME, &error);
}

static const struct option_rule rules[] = {
    CONDITIONS_RULES(struct find),
    {"--limit", OPTION_NUMBER, offsetof(struct find, conditions.search.limit), "N",
     "at most the newest N (50)", 1, LIMIT_MOST},
    {"--search", OPTION_NUMBER, offsetof(struct find, conditions.search.most), "N",
     "look at no more than N events (100000)", 1, LOOKED_LIMIT},
    {"--after", OPTION_TEXT, offsetof(struct find, conditions.search.after), "CURSOR",
     "continue where a page ended: what it printed", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct find, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct find f = {.conditions.search = {.limit = LIMIT, .most = LOOKED_MOST, .time_us = TIME_US}};
    enum exit_code code = EXIT_USAGE;

    if (options_read(NAME, rules, &f, count, arguments) && conditions_read(NAME, &f.conditions) &&
        check_cursor(f.conditions.search.after)) {
        code = find(&f, settings);
    }
    conditions_free(&f.conditions);
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[OPTION]...",
    .summary = "search the stored events, newest first",
    .help = "Lists stored events that match all conditions, newest first, without their bodies, and says\n"
            "what was searched. Indexes find a source, a time, and an id's prefix that few events have.\n"
            "For a path's prefix, a payload, or a prefix that many ids have, events are looked at one\n"
            "after another, at most --search of them and for about 20 s: continue with --after. A small\n"
            "payload takes about 0.01 ms, a large one more. The table is never counted or read whole.\n",
    .options = rules,
    .notes = "Exit code 0 when the search has ended well, also when nothing was found.\n",
    .settings = settings_reader,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
