/* SPDX-License-Identifier: MIT */
#include "events.h"

#include "clock.h"
#include "ctl/look/cursor.h"
#include "ctl/look/search.h"
#include "event.h"

#include <inttypes.h>
#include <string.h>

#define LIMIT 50
#define LOOKED_MOST 100000
#define TIME_US (5 * CLOCK_US_PER_S)
#define REFRESH_S "10"
#define CELL_MAX 200 /* bytes */

static const struct {
    const char *name, *label, *hint;
} fields[] = {
    {"source", "Source", "github"},
    {"id", "Id begins with", "evt_"},
    {"path", "Path begins with", "/github"},
    {"since", "Since (2h, or a time)", "2026-11-23T22:43:01Z"},
    {"until", "Before (30min, or a time)", "2026-11-23T22:43:01Z"},
};
#define FIELDS (sizeof fields / sizeof fields[0])

/* --- the form ---------------------------------------------------------------- */

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void write_json_field(struct page *page, const char *value)
{
    html_print(&page->body,
               "<label>Payload (/a=b, or @&gt; and JSON) <input name=\"json\" value=\"%s\" "
               "placeholder=\"%s\" spellcheck=\"false\"></label>\n",
               value, "/action=opened");
}

static void write_form(struct page *page)
{
    size_t jsons = 0;

    html_print(&page->body, "<form class=\"filter\" method=\"get\" action=\"%s" EVENTS_PATH "\">\n",
               page->settings->prefix);
    for (size_t i = 0; i < FIELDS; i++) {
        html_print(
            &page->body,
            "<label>%s <input name=\"%s\" value=\"%s\" placeholder=\"%s\" spellcheck=\"false\"></label>\n",
            fields[i].label, fields[i].name, or_empty(query_get(page->query, fields[i].name)),
            fields[i].hint);
    }
    for (size_t i = 0; i < page->query->count; i++) {
        if (strcmp(page->query->pairs[i].name, "json") == 0 && page->query->pairs[i].value[0] != '\0') {
            write_json_field(page, page->query->pairs[i].value);
            jsons++;
        }
    }
    if (jsons < SEARCH_PATHS_MAX) {
        write_json_field(page, "");
    }
    html_print(&page->body,
               "<p><button>Search</button> <a href=\"%s" EVENTS_PATH "\">All events</a></p>\n</form>\n",
               page->settings->prefix);
}

/* --- reading it ---------------------------------------------------------------- */

static bool refuse(struct page *page, const char *name, const char *value, const char *why)
{
    struct buf text = {0};

    buf_printf(&text, "%s: %s %s.", name, value, why);
    page_say_problem(page, 400, buf_text(&text));
    buf_free(&text);
    return false;
}

static bool read_moment(struct page *page, const char *name, struct moment *moment)
{
    const char *text = query_get(page->query, name);

    return text == NULL || moment_read(text, moment) ||
           refuse(page, name, text, "is neither a time (2026-11-23T22:43:01Z) nor an age (90s, 2h, 30d)");
}

static bool read_json(struct page *page, struct search *s)
{
    for (size_t i = 0; i < page->query->count; i++) {
        const char *value = page->query->pairs[i].value, *wrong;

        if (strcmp(page->query->pairs[i].name, "json") != 0 || value[0] == '\0') {
            continue;
        }
        if (s->path_count == SEARCH_PATHS_MAX) {
            return refuse(page, "json", value, "is one condition too many: at most 8 are allowed");
        }
        wrong = json_path_read(value, &s->paths[s->path_count++]);
        if (wrong != NULL) {
            return refuse(page, "json", value, wrong);
        }
    }
    return true;
}

static bool read_cursor(struct page *page, struct search *s)
{
    struct cursor cursor = {0};
    bool good;

    s->after = query_get(page->query, "after");
    good = s->after == NULL || cursor_read(s->after, &cursor);
    cursor_free(&cursor);
    return good || refuse(page, "after", s->after, "is not a cursor that this page has given");
}

/* --- the events ------------------------------------------------------------------ */

/* Writes a cell with text of a sender. */
static void write_cell(struct page *page, const char *text)
{
    size_t left;

    buf_append_text(&page->body, "<td>");
    left = html_text(&page->body, span_of(text), CELL_MAX);
    if (left > 0) {
        html_print(&page->body, "<span class=\"mark\">… %zu bytes more</span>", left);
    }
    buf_append_text(&page->body, "</td>");
}

static void write_row(struct page *page, const PGresult *r, int row)
{
    struct buf url = {0};

    event_url(page, &url, EVENT_PATH, PQgetvalue(r, row, SEARCH_SOURCE), PQgetvalue(r, row, SEARCH_ID));
    html_print(&page->body, "<tr><td class=\"time\">%s</td>", PQgetvalue(r, row, SEARCH_RECEIVED));
    write_cell(page, PQgetvalue(r, row, SEARCH_SOURCE));
    html_print(&page->body, "<td><a href=\"%s\">", buf_text(&url));
    if (PQgetlength(r, row, SEARCH_ID) == 0) {
        buf_append_text(&page->body, "(empty)");
    } else if (html_text(&page->body, span_of(PQgetvalue(r, row, SEARCH_ID)), CELL_MAX) > 0) {
        buf_append_text(&page->body, "…");
    }
    html_print(&page->body, "</a></td><td>%s</td>", PQgetvalue(r, row, SEARCH_METHOD));
    write_cell(page, PQgetvalue(r, row, SEARCH_PATH));
    html_print(&page->body, "<td class=\"number\">%s%s</td></tr>\n", PQgetvalue(r, row, SEARCH_BODY_BYTES),
               PQgetisnull(r, row, SEARCH_EXPIRED) ? "" : ", expired");
    buf_free(&url);
}

/* The URL of the page that begins after a cursor; NULL: of the first page. */
static void append_own_url(const struct page *page, struct buf *url, const char *after)
{
    page_url(page, url, EVENTS_PATH);
    for (size_t i = 0; i < page->query->count; i++) {
        if (strcmp(page->query->pairs[i].name, "after") != 0) {
            query_append(url, page->query->pairs[i].name, page->query->pairs[i].value);
        }
    }
    query_append(url, "after", after);
}

static void write_links(struct page *page, struct search_page *found)
{
    struct buf older = {0}, newest = {0};

    buf_append_text(&page->body, "<p>");
    if (found->complete) {
        buf_append_text(&page->body, "Nothing is left to search.");
    } else {
        append_own_url(page, &older, buf_text(&found->cursor));
        html_print(&page->body, "%s<a href=\"%s\" rel=\"next\">Search older events</a>",
                   found->tired ? "The time for one page is up. " : "", buf_text(&older));
    }
    if (query_get(page->query, "after") != NULL) {
        append_own_url(page, &newest, NULL);
        html_print(&page->body, " <a href=\"%s\">Back to the newest</a>", buf_text(&newest));
    }
    buf_append_text(&page->body, "</p>\n");
    buf_free(&older);
    buf_free(&newest);
}

static void write_found(struct page *page, const struct search *s, struct search_page *found)
{
    static const char *const heads[] = {"Received", "Source", "Id", "Method", "Path", "Bytes", NULL};
    struct buf summary = {0};
    /* Only what an index finds at once is asked again and again. */
    bool quick = s->after == NULL && s->id_prefix == NULL && s->path_prefix == NULL && s->path_count == 0;
    const char *refresh = quick ? REFRESH_S : "never";

    search_append_summary(found, &summary);
    html_print(&page->body,
               "<p id=\"summary\" aria-live=\"polite\" data-refresh=\"%s\">%s.</p>\n"
               "<div id=\"events\" data-refresh=\"%s\">\n",
               refresh, buf_text(&summary), refresh);
    if (found->rows != NULL && PQntuples(found->rows) > 0) {
        page_table_begin(page, "Events, newest first, times in UTC", heads);
        for (int row = 0; row < PQntuples(found->rows); row++) {
            write_row(page, found->rows, row);
        }
        page_table_end(page);
    }
    write_links(page, found);
    buf_append_text(&page->body, "</div>\n");
    buf_free(&summary);
}

static void search(struct page *page, const struct search *s)
{
    PGconn *database = page_database(page);
    struct search_page found = {0};
    struct error error = {0};

    if (database == NULL) {
        return;
    }
    if (search_run(s, database, &found, &error) != ERROR_NONE) {
        page_problem(page, &error);
    }
    if (page->status == 200 || found.looked > 0) { /* what was found before an error, too */
        write_found(page, s, &found);
    }
    search_free(&found);
}

void events_write(struct page *page)
{
    struct search s = {.limit = LIMIT,
                       .most = LOOKED_MOST,
                       .time_us = TIME_US,
                       .source = query_get(page->query, "source"),
                       .id_prefix = query_get(page->query, "id"),
                       .path_prefix = query_get(page->query, "path")};

    write_form(page);
    if (read_moment(page, "since", &s.since) && read_moment(page, "until", &s.until) &&
        read_cursor(page, &s) && read_json(page, &s)) {
        search(page, &s);
    }
    for (size_t i = 0; i < s.path_count; i++) {
        json_path_free(&s.paths[i]);
    }
}
