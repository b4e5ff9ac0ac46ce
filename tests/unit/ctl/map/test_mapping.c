/* SPDX-License-Identifier: MIT */
#include "ctl/map/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void note(struct sample *sample, const char *path, enum kind kind)
{
    assert_int_equal(fields_note(&sample->fields, path, kind, kind == KIND_TEXT, NULL), ERROR_NONE);
}

/* Returns the SQL of a sample with a number, a time, a text that is an id, and a rare time. */
static struct buf print(bool is_table, struct sample *sample)
{
    const struct mapping mapping = {"s$1", "v", is_table, "T2", "T1", sample};
    struct buf sql = {0};

    sample->read += 2;
    sample->plain += 2;
    note(sample, "[\"n\"]", KIND_NUMERIC);
    note(sample, "[\"at\"]", KIND_TIMESTAMPTZ);
    note(sample, "[\"a\",\"id\"]", KIND_TEXT);
    note(sample, "[\"a\"]", KIND_INNER);
    assert_int_equal(fields_choose(&sample->fields, NULL), ERROR_NONE);
    mapping_append_sql(&mapping, &sql);
    fields_free(&sample->fields);
    return sql;
}

static void has(struct buf *sql, const char *part)
{
    if (strstr(buf_text(sql), part) == NULL) {
        fail_msg("no %s in\n%s", part, buf_text(sql));
    }
}

static void has_not(struct buf *sql, const char *part)
{
    assert_null(strstr(buf_text(sql), part));
}

static void a_view_selects_each_column_with_its_comment(void **state)
{
    struct sample sample = {0};
    struct buf sql = print(false, &sample);

    (void)state;
    has(&sql,
        "-- sluice map, from the newest 2 events of E's\\u00241',\n-- received from T1 to T2.\n-- Edit it");
    has(&sql, "begin;\nset local search_path = public;\n\ncreate or replace function payload_numeric(");
    has(&sql, "create or replace function payload_timestamptz(");
    has_not(&sql, "payload_bigint");
    has(&sql, "create view \"v\" as\nselect id, source, received_at\n"
              "    , payload->'a'->>'id' as \"a_id\"  -- seen in 1 of 2, text, up to 1 characters\n"
              "    , payload_timestamptz(payload->'at') as \"at\"  -- seen in 1 of 2, timestamptz\n"
              "    , payload_numeric(payload->'n') as \"n\"  -- seen in 1 of 2, numeric\n"
              "from sluice.webhooks\nwhere source = E's\\u00241';\n\ncommit;\n");
    has(&sql,
        "-- create index concurrently on sluice.webhooks_raw using hash "
        "((sluice.webhook_json(body, content_type, headers)->'a'->>'id')) where source = E's\\u00241';\n");
    has(&sql, "-- create index concurrently on sluice.webhooks_raw "
              "((payload_timestamptz(sluice.webhook_json(body, content_type, headers)->'at'))) where");
    has(&sql, "-- grant select on \"v\" to sluice_reader;\n");
    has_not(&sql, "trigger");
    has_not(&sql, "Left out");
    buf_free(&sql);
}

static void a_table_has_a_key_and_a_trigger_in_one_transaction(void **state)
{
    struct sample sample = {0};
    struct buf sql = print(true, &sample);

    (void)state;
    has(&sql, "create table \"v\" (\n    id text not null,\n    source text not null,\n"
              "    received_at timestamptz not null,\n    \"a_id\" text,  -- seen in 1 of 2, text, up to 1 "
              "characters\n");
    has(&sql, "    \"n\" numeric,  -- seen in 1 of 2, numeric\n    primary key (id, source)\n);\n");
    has(&sql,
        "    insert into \"v\" (\n        id, source, received_at\n        , \"a_id\"\n        , \"at\"\n"
        "        , \"n\"\n    ) values (\n        new.id, new.source, new.received_at\n"
        "        , payload->'a'->>'id'\n");
    has(&sql, "    ) on conflict (id, source) do update set\n        received_at = excluded.received_at\n"
              "        , \"a_id\" = excluded.\"a_id\"\n");
    has(&sql, "        , \"n\" = excluded.\"n\"\n    ;\n    return null;\n");
    has(&sql, "revoke execute on function \"v\"() from public;\n");
    has(&sql, "for each row when (new.source = E's\\u00241' and new.body is not null) execute function "
              "\"v\"();\n\ncommit;\n");
    has(&sql, "-- create index on \"v\" (received_at);\n-- create index on \"v\" using hash (\"a_id\");\n"
              "-- create index on \"v\" (\"at\");\n");
    has(&sql, "-- update sluice.webhooks_raw set source = source where source = E's\\u00241';\n");
    buf_free(&sql);
}

static void a_view_without_columns_for_an_index_speaks_of_none(void **state)
{
    struct sample sample = {.read = 1, .plain = 1};
    const struct mapping mapping = {"s", "v", false, "T2", "T1", &sample};
    struct buf sql = {0};

    (void)state;
    note(&sample, "[\"n\"]", KIND_NUMERIC);
    assert_int_equal(fields_choose(&sample.fields, NULL), ERROR_NONE);
    mapping_append_sql(&mapping, &sql);
    has(&sql, "commit;\n\n-- grant select on");
    fields_free(&sample.fields);
    buf_free(&sql);
}

static void indexes_are_suggested_for_what_half_of_the_events_have_and_ten_at_most(void **state)
{
    struct sample rare = {.read = 1}, many = {0};
    struct buf sql = print(true, &rare);
    int count = 0;

    (void)state;
    has_not(&sql, "-- create index on \"v\" (\"at\")");
    buf_free(&sql);
    for (char path[] = "[\"ka\"]"; path[3] <= 'l'; path[3]++) {
        note(&many, path, KIND_UUID);
    }
    sql = print(true, &many);
    for (const char *at = buf_text(&sql); (at = strstr(at, "-- create index on")) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, 1 + 10); /* and received_at */
    buf_free(&sql);
}

static void all_that_was_left_out_is_told(void **state)
{
    struct sample sample = {.read = 1, .long_keys = 2, .cut = 3, .slow = 4, .unread = 5, .fields.beyond = 6};
    struct buf sql = print(false, &sample);

    (void)state;
    has(&sql, "-- Without a payload that is a JSON object, so that all its columns are null: 1.\n");
    has(&sql, "-- Left out, values whose keys have more than 255 bytes: 2.\n");
    has(&sql, "-- Left out, the deepest members of events that have more than 5000: 3 events.\n");
    has(&sql, "-- Left out, events whose payload takes more than 5 s: 4.\n");
    has(&sql, "-- Left out, events for which no time was left: 5; --limit reads fewer.\n");
    has(&sql, "-- Left out, values at paths beyond the first 5000: 6.\n");
    buf_free(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_selects_each_column_with_its_comment),
        cmocka_unit_test(a_table_has_a_key_and_a_trigger_in_one_transaction),
        cmocka_unit_test(a_view_without_columns_for_an_index_speaks_of_none),
        cmocka_unit_test(indexes_are_suggested_for_what_half_of_the_events_have_and_ten_at_most),
        cmocka_unit_test(all_that_was_left_out_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
