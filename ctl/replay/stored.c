/* SPDX-License-Identifier: MIT */
#include "stored.h"

#include "ctl/database.h"
#include "ctl/look/question.h"
#include "signals.h"

#include <stdlib.h>

#define STEP 10000 /* events that one statement counts */
#define WINDOW_BYTES (INT64_C(4) << 20)

/* In the order of enum message_column. The row has neither the sender's address nor what of its arrivals was
 * to be kept. A traceparent that an envelope can't hold is among the headers still. */
#define COLUMNS(keep)                                                                     \
    "w.id, w.source, w.id, '" keep                                                        \
    "', w.method, w.path, w.query, w.headers, w.content_type, null, case when"            \
    " octet_length(w.headers->>'traceparent') <= 255 then w.headers->>'traceparent' end," \
    " (extract(epoch from w.received_at) * 1000000)::bigint, w.body, false, w.order_value"

enum error_code stored_begin(PGconn *database, int64_t *now_us, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code =
        database_run(database,
                     "set default_transaction_read_only = on; set statement_timeout = '60s';"
                     " set lock_timeout = '8s'",
                     error);

    if (code == ERROR_NONE) {
        code = database_query(database, &r, "select (extract(epoch from now()) * 1000000)::bigint", 0, NULL,
                              error);
    }
    if (code == ERROR_NONE) {
        *now_us = atoll(PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    return code;
}

bool stored_seek(struct stored *rows, const char *cursor)
{
    rows->begun = cursor[0] != '\0';
    return !rows->begun || cursor_read(cursor, &rows->at);
}

static struct question_bounds bounds_of(const struct cursor *after, const struct cursor *last)
{
    return (struct question_bounds){.after = after, .last = last, .oldest_first = true};
}

/* Finds the event that ends the next step behind `after`. *count: the events of the step; 0: none is left. */
static enum error_code find_last(const struct stored *rows, const struct cursor *after, int64_t step,
                                 int64_t bytes, struct cursor *last, int64_t *count, struct error *error)
{
    const struct question_bounds bounds = bounds_of(after, NULL);

    return question_step(rows->database, rows->search, &bounds, step, bytes, last, count, error);
}

static enum error_code count_step(const struct stored *rows, const struct cursor *after,
                                  const struct cursor *last, struct stored_total *total, struct error *error)
{
    const struct question_bounds bounds = bounds_of(after, last);
    struct question q = {0};
    PGresult *r = NULL;
    enum error_code code;

    question_count(&q, rows->search, &bounds);
    code = question_ask(&q, rows->database, &r, error);
    if (code == ERROR_NONE) {
        total->events += atoll(PQgetvalue(r, 0, 0));
        total->bytes += atoll(PQgetvalue(r, 0, 1));
        total->expired += atoll(PQgetvalue(r, 0, 2));
    }
    PQclear(r);
    question_free(&q);
    return code;
}

enum error_code stored_count(const struct stored *rows, struct stored_total *total, struct error *error)
{
    struct cursor own = {0};
    const struct cursor *after = rows->begun ? &rows->at : NULL;
    int64_t count = STEP;
    enum error_code code = ERROR_NONE;

    *total = (struct stored_total){0};
    while (code == ERROR_NONE && count == STEP && !signals_drain_requested()) {
        struct cursor last = {0};

        code = find_last(rows, after, STEP, 0, &last, &count, error);
        if (code == ERROR_NONE && count > 0) {
            code = count_step(rows, after, &last, total, error);
        }
        cursor_free(&own);
        own = last;
        after = &own;
    }
    cursor_free(&own);
    return code;
}

enum error_code stored_left(const struct stored *rows, bool *left, struct error *error)
{
    struct cursor last = {0};
    int64_t count;
    enum error_code code = find_last(rows, rows->begun ? &rows->at : NULL, 1, 0, &last, &count, error);

    *left = count > 0;
    cursor_free(&last);
    return code;
}

enum error_code stored_next(struct stored *rows, int64_t most, PGresult **window, int64_t *taken,
                            struct error *error)
{
    const struct cursor *after = rows->begun ? &rows->at : NULL;
    struct cursor last = {0};
    struct question q = {0};
    enum error_code code = find_last(rows, after, most, WINDOW_BYTES, &last, taken, error);

    *window = NULL;
    if (code == ERROR_NONE && *taken > 0) {
        const struct question_bounds bounds = bounds_of(after, &last);

        question_bodies(&q, rows->search, &bounds, rows->again ? COLUMNS("again") : COLUMNS("newest"));
        code = question_ask(&q, rows->database, window, error);
    }
    if (code == ERROR_NONE && *taken > 0) {
        cursor_free(&rows->at);
        rows->at = last;
        rows->begun = true;
        last = (struct cursor){0};
    }
    cursor_free(&last);
    question_free(&q);
    return code;
}

void stored_append_position(struct stored *rows, struct buf *out)
{
    cursor_append(out, buf_text(&rows->at.us), buf_text(&rows->at.source), buf_text(&rows->at.id));
}

void stored_free(struct stored *rows)
{
    cursor_free(&rows->at);
}
