/* SPDX-License-Identifier: MIT */
#include "event.h"

#include "content.h"
#include "ctl/database.h"
#include "ctl/look/places.h"
#include "ctl/look/stages.h"

#include <inttypes.h>
#include <string.h>

void event_url(const struct page *page, struct buf *url, const char *path, const char *source, const char *id)
{
    page_url(page, url, path);
    query_append(url, "source", source);
    query_append(url, "id", id);
}

static void write_form(struct page *page, const char *source, const char *id)
{
    html_print(&page->body,
               "<form class=\"filter\" method=\"get\" action=\"%s" EVENT_PATH "\">\n"
               "<label>Id <input name=\"id\" value=\"%s\" spellcheck=\"false\" required></label>\n"
               "<label>Source, or any <input name=\"source\" value=\"%s\" spellcheck=\"false\"></label>\n"
               "<p><button>Find it</button></p>\n</form>\n",
               page->settings->prefix, id == NULL ? "" : id, source == NULL ? "" : source);
}

/* --- where it is ----------------------------------------------------------------- */

static void write_stage(void *to, const char *name, const char *text)
{
    html_print(to, "<dt>%s</dt><dd>%s</dd>\n", name, text);
}

static void write_stored(struct page *page, const PGresult *r, int row, bool with_link)
{
    const char *source = PQgetvalue(r, row, STORED_SOURCE), *id = PQgetvalue(r, row, STORED_ID);
    struct buf url = {0};

    html_print(&page->body, "<h2>%s, source %s</h2>\n<dl>\n",
               strcmp(PQgetvalue(r, row, STORED_STATE), "replaced") == 0
                   ? "Stored, replaced by a later arrival"
                   : "Stored",
               source);
    stages_of_stored(r, row, write_stage, &page->body);
    buf_append_text(&page->body, "</dl>\n");
    if (with_link) {
        event_url(page, &url, EVENT_PATH, source, id);
        html_print(&page->body, "<p><a href=\"%s\">Its content</a></p>\n", buf_text(&url));
        buf_free(&url);
    }
}

static void write_dead(struct page *page, const PGresult *r)
{
    for (int row = 0; row < PQntuples(r); row++) {
        html_print(&page->body, "<h2>Dead letter %s, source %s</h2>\n<dl>\n", PQgetvalue(r, row, DEAD_ID),
                   PQgetvalue(r, row, DEAD_SOURCE));
        stages_of_dead(r, row, write_stage, &page->body);
        buf_append_text(&page->body, "</dl>\n");
    }
}

static void write_queues(struct page *page, const struct waiting *waiting)
{
    static const char *const heads[] = {"Queue", "Ready", "Unacked", "Until", NULL};

    page_table_begin(page, "What waits in the queues", heads);
    for (size_t i = 0; i < waiting->count; i++) {
        const struct waiting_queue *q = &waiting->queues[i];
        struct buf until = {0}, unacked = {0};

        stages_append_until(&until, q);
        buf_printf(&unacked, "%" PRId64, q->unacked);
        html_print(&page->body,
                   "<tr><th scope=\"row\">%s</th><td>%" PRId64 "</td><td>%s</td><td>%s</td></tr>\n", q->name,
                   q->ready, q->unacked == WAITING_UNKNOWN ? "unknown" : buf_text(&unacked),
                   buf_text(&until));
        buf_free(&until);
        buf_free(&unacked);
    }
    page_table_end(page);
}

/* It has neither a row nor a dead letter. waiting was asked before the database, so that an event that was
 * stored in between is found there. */
static void write_missing(struct page *page, const struct waiting *waiting, const struct error *error)
{
    struct buf chance = {0};

    page->status = 404;
    buf_append_text(&page->body, "<h2>Neither stored nor a dead letter</h2>\n");
    if (error->code != ERROR_NONE) {
        page_problem(page, error);
    }
    stages_append_chance(&chance, waiting, error->code == ERROR_NONE, false);
    html_print(&page->body, "<p>%s</p>\n", buf_text(&chance));
    if (waiting->count > 0) {
        write_queues(page, waiting);
    }
    buf_free(&chance);
}

/* Asks the broker, then the database once more. */
static enum error_code look_again(struct page *page, PGconn *database, struct places *places,
                                  struct error *error)
{
    const struct status_settings *s = &page->settings->status;
    const struct waiting_options options = {.access = &s->broker,
                                            .management_url = s->management_url,
                                            .connection_name = "sluice console",
                                            .delays = &s->delays,
                                            .shards = s->shards};
    struct error broker = {0};
    struct waiting waiting;
    enum error_code code;

    broker.code = waiting_ask(&waiting, &options, &broker);
    places_free(places);
    code =
        places_ask(places, database, query_get(page->query, "id"), query_get(page->query, "source"), error);
    if (code == ERROR_NONE && PQntuples(places->stored) + PQntuples(places->dead) == 0) {
        write_missing(page, &waiting, &broker);
    }
    return code;
}

void event_write(struct page *page)
{
    const char *id = query_get(page->query, "id"), *source = query_get(page->query, "source");
    PGconn *database;
    struct places places = {0};
    struct error error = {0};
    enum error_code code;

    write_form(page, source, id);
    database = id == NULL ? NULL : page_database(page);
    if (database == NULL) {
        return;
    }
    code = places_ask(&places, database, id, source, &error);
    if (code == ERROR_NONE && PQntuples(places.stored) + PQntuples(places.dead) == 0) {
        code = look_again(page, database, &places, &error);
    }
    if (code != ERROR_NONE) {
        page_problem(page, &error);
    } else {
        int rows = PQntuples(places.stored);

        for (int row = 0; row < rows; row++) {
            write_stored(page, places.stored, row, rows > 1);
        }
        write_dead(page, places.dead);
        if (rows == 1) {
            content_write(page, database, PQgetvalue(places.stored, 0, STORED_SOURCE), id);
        }
    }
    places_free(&places);
}

void event_write_body(struct page *page)
{
    const char *const parameters[] = {query_get(page->query, "id"), query_get(page->query, "source")};
    PGconn *database = page_database(page);
    struct error error = {0};
    PGresult *r;

    if (database == NULL) {
        return;
    }
    /* In binary form: in hex a large body takes three times the memory. */
    r = PQexecParams(database, "select body from webhooks_raw where id = $1 and source = $2", 2, NULL,
                     parameters, NULL, NULL, 1);
    if (database_outcome(database, r, &error) != ERROR_NONE) {
        page_problem(page, &error);
    } else if (PQntuples(r) == 0) {
        page_say_problem(page, 404, "No such event is stored. Both id and source are needed.");
    } else if (PQgetisnull(r, 0, 0)) {
        page_say_problem(page, 410, "The body of this event has expired; its page has the size and SHA-256.");
    } else {
        buf_append(&page->body, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
        page->download = "body.txt";
    }
    PQclear(r);
}
