/* SPDX-License-Identifier: MIT */
#include "dead.h"

#include "ctl/dead/table.h"
#include "dead_filter.h"
#include "event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUPED "10000"
#define SHOWN 50
#define TEXT_OF(number) QUOTED(number)
#define QUOTED(number) #number

static void write_form(struct page *page, const struct deadfilter *f)
{
    static const struct {
        const char *name, *label;
    } fields[] = {
        {"source", "Source"},
        {"verdict", "Verdict"},
        {"sqlstate", "SQLSTATE, or its beginning"},
        {"reason", "Reason, its beginning"},
        {"id", "Id"},
    };
    const char *const values[] = {f->source, f->verdict, f->sqlstate, f->reason, f->id};
    struct buf url = {0};

    page_url(page, &url, DEAD_PATH);
    html_print(&page->body, "<form class=\"filter\" method=\"get\" action=\"%s\">\n", buf_text(&url));
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        html_print(&page->body, "<label>%s <input name=\"%s\" value=\"%s\"></label>\n", fields[i].label,
                   fields[i].name, values[i] == NULL ? "" : values[i]);
    }
    buf_append_text(&page->body, "<button>Filter</button>\n</form>\n");
    buf_free(&url);
}

static void write_link(struct page *page, const char *path, const struct deadfilter *filter,
                       const char *action, const char *text)
{
    struct buf url = {0};

    page_url(page, &url, path);
    query_append(&url, "action", action);
    dead_filter_append_url(filter, &url);
    html_print(&page->body, "<a href=\"%s\">%s</a>", buf_text(&url), text);
    buf_free(&url);
}

/* What is done to all needs a link of its own: no filter never means all. */
static void write_actions(struct page *page, const struct deadfilter *given)
{
    struct deadfilter filter = *given;
    bool filtered = deadfilter_chosen(given);

    filter.all = !filtered;
    buf_append_text(&page->body, "<p>");
    write_link(page, DEAD_ACT_PATH, &filter, "replay",
               filtered ? "Replay what this filter selects…" : "Replay all dead letters…");
    buf_append_text(&page->body, " ");
    write_link(page, DEAD_ACT_PATH, &filter, "drop",
               filtered ? "Drop what this filter selects…" : "Drop all dead letters…");
    buf_append_text(&page->body, " Both tell the number first, and ask.</p>\n");
}

static const char *cell(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column);
}

static const char *cell_text(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ? "none" : PQgetvalue(r, row, column);
}

static void write_group(struct page *page, const PGresult *r, int row)
{
    struct deadfilter group = DEADFILTER_ANY;

    group.source = cell(r, row, DEADGROUP_SOURCE);
    group.verdict = cell(r, row, DEADGROUP_VERDICT);
    group.sqlstate = cell(r, row, DEADGROUP_SQLSTATE);
    group.reason = cell(r, row, DEADGROUP_REASON);
    html_print(&page->body,
               "<tr><td class=\"number\">%s</td><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td>%s</td>"
               "<td class=\"time\">%s</td><td class=\"time\">%s</td><td>",
               PQgetvalue(r, row, DEADGROUP_COUNT), cell_text(r, row, DEADGROUP_SOURCE),
               cell_text(r, row, DEADGROUP_VERDICT), cell_text(r, row, DEADGROUP_SQLSTATE),
               cell_text(r, row, DEADGROUP_REASON), PQgetvalue(r, row, DEADGROUP_FIRST),
               PQgetvalue(r, row, DEADGROUP_LAST));
    write_link(page, DEAD_PATH, &group, NULL, "Show this group");
    buf_append_text(&page->body, "</td></tr>\n");
}

static enum error_code write_groups(struct page *page, const struct deadfilter *filter, PGconn *database,
                                    struct error *error)
{
    static const char *const heads[] = {"number",      "source",     "verdict", "SQLSTATE", "reason",
                                        "first (UTC)", "last (UTC)", "filter",  NULL};
    static const char *const more[] = {GROUPED};
    PGresult *r = NULL;
    enum error_code code = deadfilter_query(filter, database, &r, deadtable_groups, 1, more, error);

    if (code == ERROR_NONE) {
        buf_append_text(&page->body, "<h2>Groups</h2>\n");
        page_table_begin(page, "Groups among the newest " GROUPED " dead letters; none older was searched",
                         heads);
        for (int row = 0; row < PQntuples(r); row++) {
            write_group(page, r, row);
        }
        page_table_end(page);
    }
    PQclear(r);
    return code;
}

static void write_single(struct page *page, const PGresult *r, int row)
{
    struct deadfilter one = DEADFILTER_ANY;
    struct buf url = {0};

    event_url(page, &url, EVENT_PATH, PQgetvalue(r, row, DEADLIST_SOURCE),
              PQgetvalue(r, row, DEADLIST_EVENT));
    one.dead_ids = PQgetvalue(r, row, DEADLIST_ID);
    html_print(&page->body, "<tr><th scope=\"row\">%s</th>", one.dead_ids);
    html_print(&page->body, "<td class=\"time\">%s</td><td>%s</td>", PQgetvalue(r, row, DEADLIST_DIED),
               PQgetvalue(r, row, DEADLIST_SOURCE));
    html_print(&page->body, "<td><a href=\"%s\">%s</a></td>", buf_text(&url),
               PQgetvalue(r, row, DEADLIST_EVENT));
    for (int column = DEADLIST_VERDICT; column < DEADLIST_COLUMNS; column++) {
        html_print(&page->body, "<td>%s</td>", cell_text(r, row, column));
    }
    buf_append_text(&page->body, "<td>");
    write_link(page, DEAD_ACT_PATH, &one, "replay", "Replay…");
    buf_append_text(&page->body, " ");
    write_link(page, DEAD_ACT_PATH, &one, "drop", "Drop…");
    buf_append_text(&page->body, "</td></tr>\n");
    buf_free(&url);
}

/* The page after this one begins below its last number. */
static void write_older(struct page *page, const struct deadfilter *filter, const PGresult *r)
{
    struct buf url = {0};

    if (PQntuples(r) < SHOWN) {
        return;
    }
    page_url(page, &url, DEAD_PATH);
    dead_filter_append_url(filter, &url);
    query_append(&url, "before", PQgetvalue(r, PQntuples(r) - 1, DEADLIST_ID));
    html_print(&page->body, "<p><a href=\"%s\">Older ones</a></p>\n", buf_text(&url));
    buf_free(&url);
}

static enum error_code write_singles(struct page *page, const struct deadfilter *filter, PGconn *database,
                                     struct error *error)
{
    static const char *const heads[] = {"number",   "died (UTC)", "source", "id",     "verdict",
                                        "SQLSTATE", "attempts",   "reason", "action", NULL};
    static const char *const more[] = {TEXT_OF(SHOWN)};
    PGresult *r = NULL;
    enum error_code code = deadfilter_query(filter, database, &r, deadtable_list, 1, more, error);

    if (code == ERROR_NONE) {
        buf_append_text(&page->body, "<h2>Single ones</h2>\n");
        page_table_begin(page, "Dead letters, newest first", heads);
        for (int row = 0; row < PQntuples(r); row++) {
            write_single(page, r, row);
        }
        page_table_end(page);
        write_older(page, filter, r);
    }
    PQclear(r);
    return code;
}

/* before: the number above which nothing is shown. */
static void apply_before(struct page *page, struct deadfilter *filter)
{
    const char *before = query_get(page->query, "before");
    int64_t number = before == NULL ? 0 : strtoll(before, NULL, 10);

    if (number > 0) {
        (void)snprintf(filter->last, sizeof filter->last, "%" PRId64, number - 1);
    }
}

void dead_write(struct page *page)
{
    PGconn *database = page_database(page);
    struct deadfilter filter;
    struct error error;
    enum error_code code;

    dead_filter_read(page->query, &filter);
    filter.all = false;
    write_form(page, &filter);
    if (database == NULL) {
        return;
    }
    write_actions(page, &filter);
    code = deadfilter_begin(&filter, database, &error);
    if (code == ERROR_NONE && query_get(page->query, "before") == NULL) {
        code = write_groups(page, &filter, database, &error);
    }
    if (code == ERROR_NONE) {
        apply_before(page, &filter);
        code = write_singles(page, &filter, database, &error);
    }
    if (code != ERROR_NONE) {
        page_problem(page, &error);
    }
    deadfilter_end(&filter);
}
