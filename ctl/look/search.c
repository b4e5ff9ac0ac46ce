/* SPDX-License-Identifier: MIT */
#include "search.h"

#include "clock.h"
#include "ctl/database.h"
#include "cursor.h"
#include "question.h"

#include <inttypes.h>
#include <stdlib.h>

/* A step begins small, since bodies may be large, and grows while it takes little time. */
#define STEP_FIRST 1000
#define STEP_LEAST 10
#define STEP_MOST 20000
#define STEP_US (CLOCK_US_PER_S / 5)

struct walk {
    const struct search *search;
    PGconn *database;
    struct search_page *page;
    struct cursor at; /* the last event that was looked at */
    bool begun;
    int64_t now_us, step;
};

static void move_to(struct walk *w, const PGresult *r, int row, int us, int source, int id)
{
    cursor_free(&w->at);
    buf_append_text(&w->at.us, PQgetvalue(r, row, us));
    buf_append_text(&w->at.source, PQgetvalue(r, row, source));
    buf_append_text(&w->at.id, PQgetvalue(r, row, id));
    w->begun = true;
}

/* Adds the rows to those of the page. */
static enum error_code keep(struct search_page *page, const PGresult *rows, struct error *error)
{
    bool good = true;

    if (page->rows == NULL) {
        page->rows = PQcopyResult(rows, PG_COPYRES_ATTRS);
        good = page->rows != NULL;
    }
    for (int row = 0; good && row < PQntuples(rows); row++) {
        int to = PQntuples(page->rows);

        for (int f = 0; good && f < PQnfields(rows); f++) {
            bool null = PQgetisnull(rows, row, f);

            good = PQsetvalue(page->rows, to, f, null ? NULL : PQgetvalue(rows, row, f),
                              null ? -1 : PQgetlength(rows, row, f)) == 1;
        }
    }
    return good ? ERROR_NONE : error_set(error, ERROR_MEMORY, "no memory for a page of events");
}

static int64_t room(const struct walk *w)
{
    return w->search->limit - (w->page->rows == NULL ? 0 : PQntuples(w->page->rows));
}

/* Asks for events up to `last`, and keeps them. *full: no more fit on the page. */
static enum error_code look(struct walk *w, const struct cursor *last, bool narrow, bool *full,
                            struct error *error)
{
    const struct question_bounds bounds = {
        .after = w->begun ? &w->at : NULL, .last = last, .now_us = w->now_us};
    struct question q = {0};
    PGresult *r = NULL;
    enum error_code code;

    question_page(&q, w->search, &bounds, room(w), narrow);
    code = question_ask(&q, w->database, &r, error);
    if (code == ERROR_NONE) {
        code = keep(w->page, r, error);
    }
    *full = code == ERROR_NONE && room(w) == 0;
    if (*full) {
        move_to(w, r, PQntuples(r) - 1, SEARCH_RECEIVED_US, SEARCH_SOURCE, SEARCH_ID);
    }
    PQclear(r);
    question_free(&q);
    return code;
}

/* Finds the last event of the next step. *count: the events of the step; 0: nothing is left. */
static enum error_code find_last(struct walk *w, struct cursor *last, int64_t *count, struct error *error)
{
    const struct question_bounds bounds = {.after = w->begun ? &w->at : NULL, .now_us = w->now_us};

    return question_step(w->database, w->search, &bounds, w->step, 0, last, count, error);
}

/* Looks at the events of one step. *done: the page is full, or nothing is left. */
static enum error_code take_step(struct walk *w, bool *done, struct error *error)
{
    int64_t begun_us = clock_monotonic_us(), count;
    struct cursor last = {0};
    bool full = false;
    enum error_code code;

    if (w->step > w->search->most - w->page->looked) {
        w->step = w->search->most - w->page->looked;
    }
    code = find_last(w, &last, &count, error);
    if (code == ERROR_NONE && count > 0) {
        code = look(w, &last, false, &full, error);
    }
    if (code == ERROR_TIMEOUT && w->step > STEP_LEAST) {
        w->step = STEP_LEAST;
        code = ERROR_NONE;
    } else if (code == ERROR_NONE) {
        w->page->looked += count;
        w->page->complete = count < w->step && !full;
        *done = full || count < w->step;
        if (!full && count > 0) {
            cursor_free(&w->at);
            w->at = last;
            last = (struct cursor){0};
            w->begun = true;
        }
        if (clock_monotonic_us() - begun_us < STEP_US && w->step < STEP_MOST) {
            w->step *= 2;
        }
    }
    cursor_free(&last);
    return code;
}

static enum error_code walk(struct walk *w, struct error *error)
{
    int64_t until_us = clock_monotonic_us() + w->search->time_us;
    enum error_code code = ERROR_NONE;
    bool done = false;

    w->step = STEP_FIRST;
    while (code == ERROR_NONE && !done && w->page->looked < w->search->most) {
        w->page->tired = clock_monotonic_us() > until_us;
        if (w->page->tired) {
            break;
        }
        code = take_step(w, &done, error);
    }
    return code;
}

/* A page that an index finds as it is. */
static enum error_code look_at_once(struct walk *w, bool narrow, int64_t among, struct error *error)
{
    bool full = false;
    enum error_code code = look(w, NULL, narrow, &full, error);

    if (code == ERROR_NONE) {
        w->page->complete = !full;
        w->page->looked = narrow ? among : PQntuples(w->page->rows);
    }
    return code;
}

static enum error_code count_prefix(struct walk *w, int64_t *count, struct error *error)
{
    struct question q = {0};
    PGresult *r = NULL;
    enum error_code code;

    question_prefix(&q, w->search);
    code = question_ask(&q, w->database, &r, error);
    if (code == ERROR_NONE) {
        *count = atoll(PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    question_free(&q);
    return code;
}

static enum error_code look_around(struct walk *w, struct error *error)
{
    const struct search *s = w->search;
    int64_t few = SEARCH_NARROW + 1;
    enum error_code code = ERROR_NONE;

    if (s->id_prefix != NULL) {
        code = count_prefix(w, &few, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (few <= SEARCH_NARROW) {
        return look_at_once(w, true, few, error);
    }
    if (s->id_prefix == NULL && s->path_prefix == NULL && s->path_count == 0) {
        return look_at_once(w, false, 0, error);
    }
    return walk(w, error);
}

static enum error_code begin(struct walk *w, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code;

    if (w->search->after != NULL) {
        w->begun = cursor_read(w->search->after, &w->at);
        if (!w->begun) {
            return error_set(error, ERROR_MALFORMED,
                             "--after %s is not a cursor that sluice find has printed", w->search->after);
        }
    }
    code = database_query(w->database, &r, "select (extract(epoch from now()) * 1000000)::bigint", 0, NULL,
                          error);
    if (code == ERROR_NONE) {
        w->now_us = atoll(PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    return code;
}

/* What was looked at, in time: from where the page ends to where it began. */
static void tell_range(struct walk *w)
{
    const struct search *s = w->search;

    w->page->to_us = s->until.given ? moment_us(&s->until, w->now_us) : SEARCH_OPEN;
    w->page->from_us = s->since.given ? moment_us(&s->since, w->now_us) : SEARCH_OPEN;
    if (!w->page->complete && w->begun) {
        w->page->from_us = atoll(buf_text(&w->at.us));
        cursor_append(&w->page->cursor, buf_text(&w->at.us), buf_text(&w->at.source), buf_text(&w->at.id));
    }
}

enum error_code search_run(const struct search *search, PGconn *database, struct search_page *page,
                           struct error *error)
{
    struct walk w = {.search = search, .database = database, .page = page};
    enum error_code code = begin(&w, error);

    if (code == ERROR_NONE) {
        int64_t first_us = w.begun ? atoll(buf_text(&w.at.us)) : 0;
        bool continued = w.begun;

        code = look_around(&w, error);
        tell_range(&w);
        page->to_us = continued ? first_us : page->to_us;
    }
    cursor_free(&w.at);
    return code;
}

/* A bound of the times that were looked at. */
static void append_time(struct buf *out, int64_t us, const char *open)
{
    if (us == SEARCH_OPEN) {
        buf_append_text(out, open);
    } else {
        clock_append(out, us);
    }
}

void search_append_summary(const struct search_page *page, struct buf *out)
{
    buf_printf(out, "%d found; searched up to %" PRId64 " events, received from ",
               page->rows == NULL ? 0 : PQntuples(page->rows), page->looked);
    append_time(out, page->from_us, "the first");
    buf_append_text(out, " to ");
    append_time(out, page->to_us, "now");
}

void search_free(struct search_page *page)
{
    PQclear(page->rows);
    buf_free(&page->cursor);
    *page = (struct search_page){0};
}
