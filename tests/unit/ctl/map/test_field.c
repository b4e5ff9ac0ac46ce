/* SPDX-License-Identifier: MIT */
#include "ctl/map/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void note(struct fields *fields, const char *path, enum kind kind, int64_t length)
{
    assert_int_equal(fields_note(fields, path, kind, length, NULL), ERROR_NONE);
}

static void choose(struct fields *fields)
{
    assert_int_equal(fields_choose(fields, NULL), ERROR_NONE);
}

/* --- noting ----------------------------------------------------------------- */

static void what_is_seen_at_a_path_adds_up_whatever_the_order(void **state)
{
    struct fields fields = {0};
    struct buf summary = {0};

    (void)state;
    note(&fields, "[\"b\"]", KIND_TEXT, 3);
    note(&fields, "[\"a\"]", KIND_UUID, 36);
    note(&fields, "[\"c\"]", KIND_NULL, 0);
    note(&fields, "[\"b\"]", KIND_NULL, 0);
    note(&fields, "[\"b\"]", KIND_UUID, 36);
    note(&fields, "[\"b\"]", KIND_TEXT, 2);
    assert_int_equal(fields.count, 3);
    assert_string_equal(fields.all[0].path, "[\"a\"]");
    assert_string_equal(fields.all[1].path, "[\"b\"]");
    field_append_summary(&fields.all[0], 7, &summary);
    buf_append_char(&summary, '\n');
    field_append_summary(&fields.all[1], 7, &summary);
    buf_append_char(&summary, '\n');
    field_append_summary(&fields.all[2], 7, &summary);
    assert_string_equal(buf_text(&summary), "seen in 1 of 7, uuid\n"
                                            "seen in 4 of 7, null in 1, uuid or text, up to 36 characters\n"
                                            "seen in 1 of 7, null in 1");
    buf_free(&summary);
    fields_free(&fields);
}

static void paths_beyond_the_bound_are_counted_and_the_known_ones_go_on(void **state)
{
    struct fields fields = {0};
    char path[32];

    (void)state;
    for (int i = 0; i < FIELDS_MAX; i++) {
        (void)snprintf(path, sizeof path, "[\"%d\"]", i * 7919 % FIELDS_MAX);
        note(&fields, path, KIND_BIGINT, 0);
    }
    assert_int_equal(fields.count, FIELDS_MAX);
    note(&fields, "[\"new\"]", KIND_BIGINT, 0);
    note(&fields, "[\"new\"]", KIND_BIGINT, 0);
    note(&fields, "[\"0\"]", KIND_BIGINT, 0);
    assert_int_equal(fields.count, FIELDS_MAX);
    assert_int_equal(fields.beyond, 2);
    assert_int_equal(fields.all[0].seen, 2);
    for (size_t i = 1; i < fields.count; i++) {
        assert_true(strcmp(fields.all[i - 1].path, fields.all[i].path) < 0);
    }
    fields_free(&fields);
}

/* --- choosing --------------------------------------------------------------- */

static void names_are_different_from_each_other_and_from_the_tables_own(void **state)
{
    static const struct {
        const char *path, *name;
    } cases[] = {
        {"[\"\"]", "payload"},
        {"[\"A_b\"]", "a_b"},
        {"[\"a\",\"b\"]", "a_b_2"},
        {"[\"a-b\"]", "a_b_3"},
        {"[\"id\"]", "payload_id"},
        {"[\"payload_id\"]", "payload_id_2"},
        {"[\"received_at\"]", "payload_received_at"},
        {"[\"source\"]", "payload_source"},
        {"[\"xmin\"]", "payload_xmin"},
    };
    struct fields fields = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        note(&fields, cases[i].path, KIND_TEXT, 1);
    }
    choose(&fields);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(fields.all[i].path, cases[i].path);
        assert_string_equal(fields.all[i].name, cases[i].name);
    }
    fields_free(&fields);
}

static void names_that_are_the_same_after_63_bytes_get_numbers_that_fit(void **state)
{
    struct fields fields = {0};
    char path[128];

    (void)state;
    for (int i = 0; i < 12; i++) {
        (void)snprintf(path, sizeof path, "[\"%080d%c\"]", 0, 'a' + i);
        note(&fields, path, KIND_TEXT, 1);
    }
    choose(&fields);
    for (size_t i = 0; i < fields.count; i++) {
        assert_int_equal(strlen(fields.all[i].name), SQL_NAME_SIZE - 1);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(fields.all[i].name, fields.all[j].name);
        }
    }
    assert_string_equal(fields.all[11].name + SQL_NAME_SIZE - 1 - 4, "0_12");
    fields_free(&fields);
}

static void the_paths_of_the_most_events_become_columns(void **state)
{
    struct fields fields = {0};
    char path[32];

    (void)state;
    note(&fields, "[\"inner\"]", KIND_INNER, 0);
    for (int i = 0; i < FIELDS_COLUMNS_MAX + 2; i++) {
        (void)snprintf(path, sizeof path, "[\"%03d\"]", i);
        note(&fields, path, KIND_BIGINT, 0);
        if (i != 5) {
            note(&fields, path, KIND_BIGINT, 0);
        }
    }
    choose(&fields);
    assert_int_equal(fields.columns, FIELDS_COLUMNS_MAX);
    assert_int_equal(fields.rare, 2);
    assert_int_equal(fields.all[4].column, KIND_BIGINT);
    assert_int_equal(fields.all[5].column, KIND_NONE); /* seen once */
    assert_int_equal(fields.all[FIELDS_COLUMNS_MAX].column, KIND_BIGINT);
    assert_int_equal(fields.all[FIELDS_COLUMNS_MAX + 1].column, KIND_NONE); /* the last of the others */
    assert_int_equal(fields.all[FIELDS_COLUMNS_MAX + 2].column, KIND_NONE); /* inner */
    fields_free(&fields);
}

/* --- SQL -------------------------------------------------------------------- */

static void a_value_is_converted_to_the_type_of_its_column(void **state)
{
    static const struct {
        enum kind kind;
        const char *path, *sql, *type;
        bool is_key;
    } cases[] = {
        {KIND_BIGINT, "[\"a\",\"id\"]", "payload_bigint(p->'a'->'id')", "bigint", true},
        {KIND_BIGINT, "[\"a\"]", "payload_bigint(p->'a')", "bigint", false},
        {KIND_NUMERIC, "[\"the_id\"]", "payload_numeric(p->'the_id')", "numeric", false},
        {KIND_TIMESTAMPTZ, "[\"a\"]", "payload_timestamptz(p->'a')", "timestamptz", true},
        {KIND_UUID, "[\"a\"]", "payload_uuid(p->'a')", "uuid", true},
        {KIND_TEXT, "[\"a\",\"b\\n\"]", "p->'a'->>E'b\\u000A'", "text", false},
        {KIND_TEXT, "[\"nodeId\"]", "p->>'nodeId'", "text", true},
        {KIND_TEXT, "[\"_id\"]", "p->>'_id'", "text", false},
        {KIND_NULL, "[\"a_id\"]", "p->>'a_id'", "text", false},
        {KIND_ARRAY, "[\"a\",\"b_id\"]", "nullif(p->'a'->'b_id', 'null')", "jsonb", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fields fields = {0};
        struct buf sql = {0};

        note(&fields, cases[i].path, cases[i].kind, cases[i].kind == KIND_TEXT);
        choose(&fields);
        field_append_value(&fields.all[0], "p", &sql);
        assert_string_equal(buf_text(&sql), cases[i].sql);
        assert_string_equal(field_type(&fields.all[0]), cases[i].type);
        assert_int_equal(field_is_key(&fields.all[0]), cases[i].is_key);
        buf_free(&sql);
        fields_free(&fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen_at_a_path_adds_up_whatever_the_order),
        cmocka_unit_test(paths_beyond_the_bound_are_counted_and_the_known_ones_go_on),
        cmocka_unit_test(names_are_different_from_each_other_and_from_the_tables_own),
        cmocka_unit_test(names_that_are_the_same_after_63_bytes_get_numbers_that_fit),
        cmocka_unit_test(the_paths_of_the_most_events_become_columns),
        cmocka_unit_test(a_value_is_converted_to_the_type_of_its_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
