/* SPDX-License-Identifier: MIT */
#include "question.h"

#include "ctl/database.h"
#include "ctl/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define KEY "(w.received_at, w.id, w.source)"
#define NEWEST_FIRST " order by w.received_at desc, w.id desc, w.source desc"
#define OLDEST_FIRST " order by w.received_at, w.id, w.source"
#define MICROSECONDS(column) "(extract(epoch from " column ") * 1000000)::bigint"

/* Appends a parameter with its type. Its text is the buf that is returned. */
static struct buf *parameter(struct question *q, const char *type)
{
    assert(q->count < QUESTION_PARAMETERS_MAX);
    q->count++;
    buf_printf(&q->sql, "$%d::%s", q->count, type);
    return &q->texts[q->count - 1];
}

static void text(struct question *q, struct span value)
{
    buf_append_span(parameter(q, "text"), value);
}

static void number(struct question *q, int64_t value)
{
    buf_printf(parameter(q, "bigint"), "%" PRId64, value);
}

/* Microseconds since 1970 as a time, without the rounding of floating point. */
static void time_of(struct question *q, struct span us)
{
    buf_append_text(&q->sql, "(timestamptz 'epoch' + ");
    buf_append_span(parameter(q, "bigint"), us);
    buf_append_text(&q->sql, " * interval '1 microsecond')");
}

static void time_of_moment(struct question *q, const struct moment *moment, int64_t now_us)
{
    struct buf us = {0};

    buf_printf(&us, "%" PRId64, moment_us(moment, now_us));
    time_of(q, buf_span(&us));
    buf_free(&us);
}

/* The condition also bounds received_at alone, which has an index. */
static void beyond(struct question *q, const char *order, const char *or_equal, const struct cursor *c)
{
    buf_printf(&q->sql, " and w.received_at %s= ", order);
    time_of(q, buf_span(&c->us));
    buf_printf(&q->sql, " and " KEY " %s%s (", order, or_equal);
    time_of(q, buf_span(&c->us));
    buf_append_text(&q->sql, ", ");
    text(q, buf_span(&c->id));
    buf_append_text(&q->sql, ", ");
    text(q, buf_span(&c->source));
    buf_append_char(&q->sql, ')');
}

/* What the indexes on received_at and (source, received_at) find. */
static void range(struct question *q, const struct search *s, const struct question_bounds *bounds)
{
    buf_append_text(&q->sql, " where true");
    if (s->source != NULL) {
        buf_append_text(&q->sql, " and w.source = ");
        text(q, span_of(s->source));
    }
    if (s->since.given) {
        buf_append_text(&q->sql, " and w.received_at >= ");
        time_of_moment(q, &s->since, bounds->now_us);
    }
    if (s->until.given) {
        buf_append_text(&q->sql, " and w.received_at < ");
        time_of_moment(q, &s->until, bounds->now_us);
    }
    if (bounds->after != NULL) {
        beyond(q, bounds->oldest_first ? ">" : "<", "", bounds->after);
    }
    if (bounds->last != NULL) {
        beyond(q, bounds->oldest_first ? "<" : ">", "=", bounds->last);
    }
}

/* LIKE with a pattern that begins so: keys have the collation C, whose index it can use. */
static void begins_with(struct question *q, const char *column, const char *prefix)
{
    struct buf *pattern;

    buf_printf(&q->sql, "%s like ", column);
    pattern = parameter(q, "text");
    for (; *prefix != '\0'; prefix++) {
        if (*prefix == '%' || *prefix == '_' || *prefix == '\\') {
            buf_append_char(pattern, '\\');
        }
        buf_append_char(pattern, *prefix);
    }
    buf_append_char(pattern, '%');
}

static void payload(struct question *q, const struct json_path *p)
{
    buf_printf(&q->sql, " and (webhook_json(w.body, w.content_type, w.headers) %s ",
               p->contains ? "#>" : "#>>");
    buf_append_span(parameter(q, "text[]"), buf_span(&p->tokens));
    buf_append_text(&q->sql, p->contains ? ") @> " : ") = ");
    buf_append_text(parameter(q, p->contains ? "jsonb" : "text"), p->value);
}

static const char *order_of(const struct question_bounds *bounds)
{
    return bounds->oldest_first ? OLDEST_FIRST : NEWEST_FIRST;
}

static void step_sql(struct question *q, const struct search *s, const struct question_bounds *bounds,
                     int64_t step, int64_t most_bytes)
{
    const char *order = order_of(bounds);

    buf_printf(&q->sql,
               "select " MICROSECONDS("received_at") ", id, source, n from (select w.received_at, w.id, "
                                                     "w.source, row_number() over (%s) as n",
               order);
    if (most_bytes > 0) {
        buf_printf(&q->sql, ", sum(octet_length(w.body)) over (%s) as bytes", order);
    }
    buf_append_text(&q->sql, " from webhooks_raw w");
    range(q, s, bounds);
    buf_printf(&q->sql, "%s limit ", order);
    number(q, step);
    buf_append_text(&q->sql, ") s");
    if (most_bytes > 0) {
        buf_append_text(&q->sql, " where n = 1 or coalesce(bytes, 0) <= ");
        number(q, most_bytes);
    }
    buf_append_text(&q->sql, " order by n desc limit 1");
}

static void prefixes(struct question *q, const struct search *s, bool of_id)
{
    if (s->id_prefix != NULL && of_id) {
        buf_append_text(&q->sql, " and ");
        begins_with(q, "w.id", s->id_prefix);
    }
    if (s->path_prefix != NULL) {
        buf_append_text(&q->sql, " and ");
        begins_with(q, "w.path", s->path_prefix);
    }
}

static void payloads(struct question *q, const struct search *s)
{
    for (size_t i = 0; i < s->path_count; i++) {
        payload(q, &s->paths[i]);
    }
}

void question_count(struct question *q, const struct search *s, const struct question_bounds *bounds)
{
    buf_append_text(&q->sql, "select count(w.body), coalesce(sum(octet_length(w.body)), 0),"
                             " count(*) filter (where w.body is null) from webhooks_raw w");
    range(q, s, bounds);
    prefixes(q, s, true);
    buf_append_text(&q->sql, " and (w.body is null or (true");
    payloads(q, s);
    buf_append_text(&q->sql, "))");
}

void question_bodies(struct question *q, const struct search *s, const struct question_bounds *bounds,
                     const char *columns)
{
    buf_printf(&q->sql, "select %s from webhooks_raw w", columns);
    range(q, s, bounds);
    prefixes(q, s, true);
    payloads(q, s);
    buf_printf(&q->sql, " and w.body is not null%s", order_of(bounds));
}

/* In the order of enum search_column. */
/* clang-format off */
static const char page_columns[] =
    "select " RECORD_TIME("w.received_at") " as received_at, w.source, w.id, w.method, w.path,"
    " coalesce(octet_length(w.body), w.body_bytes) as body_bytes, w.content_type,"
    " " RECORD_TIME("w.first_received_at") " as first_received_at,"
    " " RECORD_TIME("w.stored_at") " as stored_at, w.order_value,"
    " " RECORD_TIME("w.body_expired_at") " as body_expired_at,"
    " " MICROSECONDS("w.received_at") " as received_us from webhooks_raw w";
/* clang-format on */

void question_page(struct question *q, const struct search *s, const struct question_bounds *bounds,
                   int64_t limit, bool narrow)
{
    if (narrow) {
        buf_append_text(&q->sql, "with few as materialized (select id, source from webhooks_raw where ");
        begins_with(q, "id", s->id_prefix);
        buf_append_text(&q->sql, ") ");
    }
    buf_append_text(&q->sql, page_columns);
    buf_append_text(&q->sql, narrow ? " join few on few.id = w.id and few.source = w.source" : "");
    range(q, s, bounds);
    prefixes(q, s, !narrow);
    payloads(q, s);
    buf_append_text(&q->sql, NEWEST_FIRST " limit ");
    number(q, limit);
}

void question_prefix(struct question *q, const struct search *s)
{
    buf_append_text(&q->sql, "select count(*) from (select from webhooks_raw where ");
    begins_with(q, "id", s->id_prefix);
    buf_append_text(&q->sql, " limit ");
    number(q, SEARCH_NARROW + 1);
    buf_append_text(&q->sql, ") few");
}

enum error_code question_ask(struct question *q, PGconn *database, PGresult **result, struct error *error)
{
    const char *values[QUESTION_PARAMETERS_MAX];

    for (int i = 0; i < q->count; i++) {
        values[i] = buf_text(&q->texts[i]);
    }
    return database_query(database, result, buf_text(&q->sql), q->count, values, error);
}

void question_free(struct question *q)
{
    for (int i = 0; i < q->count; i++) {
        buf_free(&q->texts[i]);
    }
    buf_free(&q->sql);
    *q = (struct question){0};
}

enum error_code question_step(PGconn *database, const struct search *s, const struct question_bounds *bounds,
                              int64_t step, int64_t most_bytes, struct cursor *last, int64_t *count,
                              struct error *error)
{
    struct question q = {0};
    PGresult *r = NULL;
    enum error_code code;

    step_sql(&q, s, bounds, step, most_bytes);
    code = question_ask(&q, database, &r, error);
    *count = 0;
    if (code == ERROR_NONE && PQntuples(r) == 1) {
        buf_append_text(&last->us, PQgetvalue(r, 0, 0));
        buf_append_text(&last->id, PQgetvalue(r, 0, 1));
        buf_append_text(&last->source, PQgetvalue(r, 0, 2));
        *count = atoll(PQgetvalue(r, 0, 3));
    }
    PQclear(r);
    question_free(&q);
    return code;
}
