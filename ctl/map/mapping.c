/* SPDX-License-Identifier: MIT */
#include "mapping.h"

#include <inttypes.h>

#define INDEXES_MAX 10

/* Calls `each` for every column. */
#define FOR_COLUMNS(field, fields)                                                                          \
    for (const struct field *(field) = (fields)->all; (field) < (fields)->all + (fields)->count; (field)++) \
        if ((field)->column != KIND_NONE)

static void append_gap(struct buf *sql, const char *what, int64_t count, const char *more)
{
    if (count > 0) {
        buf_printf(sql, "-- %s: %" PRId64 "%s.\n", what, count, more);
    }
}

static void append_gaps(const struct sample *sample, struct buf *sql)
{
    append_gap(sql, "Without a payload that is a JSON object, so that all its columns are null",
               sample->read - sample->plain, "");
    append_gap(sql, "Left out, events whose body has expired", sample->expired, "");
    append_gap(sql, "Left out, events whose payload takes more than 5 s", sample->slow, "");
    append_gap(sql, "Left out, events for which no time was left", sample->unread, "; --limit reads fewer");
    append_gap(sql, "Left out, paths of the fewest events, for at most 300 columns",
               (int64_t)sample->fields.rare, "; --depth 1 makes fewer");
    append_gap(sql, "Left out, values at paths beyond the first 5000", sample->fields.beyond, "");
    append_gap(sql, "Left out, the deepest members of events that have more than 5000", sample->cut,
               " events");
    append_gap(sql, "Left out, values whose keys have more than 255 bytes", sample->long_keys, "");
}

static void append_head(const struct mapping *m, struct buf *sql)
{
    const struct sample *sample = m->sample;
    unsigned kinds = 0;

    buf_printf(sql, "-- sluice map, from the newest %" PRId64 " events of ", sample->read);
    sql_append_literal(sql, span_of(m->source));
    buf_printf(sql, ",\n-- received from %s to %s.\n", m->oldest, m->newest);
    append_gaps(sample, sql);
    buf_append_text(sql,
                    "-- Edit it: names, types, and which columns you need. A value that doesn't fit its\n"
                    "-- column becomes null, so no later event makes it fail. A number keeps its digits.\n"
                    "begin;\nset local search_path = public;\n\n");
    FOR_COLUMNS(field, &sample->fields)
    {
        kinds |= KIND_BIT(field->column);
    }
    for (enum kind kind = KIND_BIGINT; kind < KIND_TEXT; kind++) {
        if ((kinds & KIND_BIT(kind)) != 0) {
            kind_append_function(sql, kind);
            buf_append_char(sql, '\n');
        }
    }
}

static void append_summary(const struct mapping *m, const struct field *field, struct buf *sql)
{
    buf_append_text(sql, "  -- ");
    field_append_summary(field, m->sample->read, sql);
}

static void append_view(const struct mapping *m, struct buf *sql)
{
    buf_append_text(
        sql, "-- Each column that a query names reads the body once more: a view is for few of them.\n");
    buf_printf(sql, "create view \"%s\" as\nselect id, source, received_at", m->name);
    FOR_COLUMNS(field, &m->sample->fields)
    {
        buf_append_text(sql, "\n    , ");
        field_append_value(field, "payload", sql);
        buf_printf(sql, " as \"%s\"", field->name);
        append_summary(m, field, sql);
    }
    buf_append_text(sql, "\nfrom sluice.webhooks\nwhere source = ");
    sql_append_literal(sql, span_of(m->source));
    buf_append_text(sql, ";\n");
}

static void append_table(const struct mapping *m, struct buf *sql)
{
    buf_printf(
        sql,
        "-- One row per event, by its key: an event that is delivered or replayed twice makes one row.\n"
        "create table \"%s\" (\n"
        "    id text not null,\n"
        "    source text not null,\n"
        "    received_at timestamptz not null,\n",
        m->name);
    FOR_COLUMNS(field, &m->sample->fields)
    {
        buf_printf(sql, "    \"%s\" %s,", field->name, field_type(field));
        append_summary(m, field, sql);
        buf_append_char(sql, '\n');
    }
    buf_append_text(sql, "    primary key (id, source)\n);\n\n");
}

static void append_trigger(const struct mapping *m, struct buf *sql)
{
    buf_printf(sql,
               "-- It runs in the transaction that stores the event, with the rights of its owner, and not\n"
               "-- when the event's body expires, so that the row here stays.\n"
               "create function \"%s\"() returns trigger\n"
               "language plpgsql security definer set search_path = public, pg_temp as $$\n"
               "declare\n"
               "    payload jsonb := sluice.webhook_json(new.body, new.content_type, new.headers);\n"
               "begin\n"
               "    insert into \"%s\" (\n        id, source, received_at",
               m->name, m->name);
    FOR_COLUMNS(field, &m->sample->fields)
    {
        buf_printf(sql, "\n        , \"%s\"", field->name);
    }
    buf_append_text(sql, "\n    ) values (\n        new.id, new.source, new.received_at");
    FOR_COLUMNS(field, &m->sample->fields)
    {
        buf_append_text(sql, "\n        , ");
        field_append_value(field, "payload", sql);
    }
    buf_append_text(
        sql, "\n    ) on conflict (id, source) do update set\n        received_at = excluded.received_at");
    FOR_COLUMNS(field, &m->sample->fields)
    {
        buf_printf(sql, "\n        , \"%s\" = excluded.\"%s\"", field->name, field->name);
    }
    buf_printf(sql,
               "\n    ;\n    return null;\nend\n$$;\n"
               "revoke execute on function \"%s\"() from public;\n\n"
               "create trigger \"%s\" after insert or update on sluice.webhooks_raw\n    for each row when "
               "(new.source = ",
               m->name, m->name);
    sql_append_literal(sql, span_of(m->source));
    buf_printf(sql, " and new.body is not null) execute function \"%s\"();\n", m->name);
}

/* A text may be too long for a B-tree, but not for a hash index. */
static void append_index(const struct mapping *m, const struct field *field, struct buf *sql)
{
    const char *method = field->column == KIND_TEXT ? "using hash " : "";

    if (m->is_table) {
        buf_printf(sql, "-- create index on \"%s\" %s(\"%s\");\n", m->name, method, field->name);
    } else {
        buf_printf(sql, "-- create index concurrently on sluice.webhooks_raw %s((", method);
        field_append_value(field, "sluice.webhook_json(body, content_type, headers)", sql);
        buf_append_text(sql, ")) where source = ");
        sql_append_literal(sql, span_of(m->source));
        buf_append_text(sql, ";\n");
    }
}

static void append_suggestions(const struct mapping *m, struct buf *sql)
{
    struct buf indexes = {0};
    int count = 0;

    if (m->is_table) {
        buf_printf(&indexes, "-- create index on \"%s\" (received_at);\n", m->name);
    }
    FOR_COLUMNS(field, &m->sample->fields)
    {
        if (field_is_key(field) && field->seen * 2 >= m->sample->read && count++ < INDEXES_MAX) {
            append_index(m, field, &indexes);
        }
    }
    buf_append_text(sql, "\n");
    if (indexes.len > 0) {
        buf_append_text(sql, "-- Indexes cost time for each event. Create those that your queries need:\n");
        buf_append_span(sql, buf_span(&indexes));
    }
    sql->failed = sql->failed || indexes.failed;
    buf_free(&indexes);
    if (m->is_table) {
        buf_append_text(sql,
                        "-- To fill it with the events that are stored (in parts, when there are many):\n"
                        "-- update sluice.webhooks_raw set source = source where source = ");
        sql_append_literal(sql, span_of(m->source));
        buf_append_text(sql, ";\n");
    }
    buf_printf(sql, "-- grant select on \"%s\" to sluice_reader;\n", m->name);
}

void mapping_append_sql(const struct mapping *mapping, struct buf *sql)
{
    append_head(mapping, sql);
    if (mapping->is_table) {
        append_table(mapping, sql);
        append_trigger(mapping, sql);
    } else {
        append_view(mapping, sql);
    }
    buf_append_text(sql, "\ncommit;\n");
    append_suggestions(mapping, sql);
}
