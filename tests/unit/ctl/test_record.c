/* SPDX-License-Identifier: MIT */
#include "ctl/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_json(cJSON *object, const char *wanted)
{
    char *text = cJSON_PrintUnformatted(object);

    assert_string_equal(text, wanted);
    cJSON_free(text);
    cJSON_Delete(object);
}

static void a_body_is_text_or_says_that_it_is_not(void **state)
{
    static const struct {
        const char *body;
        size_t len;
        const char *wanted;
    } cases[] = {
        {"", 0, "{\"body\":\"\"}"},
        {"{\"a\":1}\n", 8, "{\"body\":\"{\\\"a\\\":1}\\n\"}"},
        {"\xc3\xa9", 2, "{\"body\":\"\xc3\xa9\"}"},
        {"\xff", 1, "{\"body_base64\":\"/w==\"}"},
        {"a\0b", 3, "{\"body_base64\":\"YQBi\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *object = cJSON_CreateObject();

        record_add_body(object, "body", (struct span){cases[i].body, cases[i].len});
        assert_json(object, cases[i].wanted);
    }
}

/* A result with one row of one column. */
static PGresult *result_of(Oid type, const char *value)
{
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char name[] = "c", copy[64] = "";
    PGresAttDesc column = {.name = name, .typid = type, .typlen = -1, .atttypmod = -1};

    assert_true(PQsetResultAttrs(r, 1, &column));
    if (value != NULL) {
        memcpy(copy, value, strlen(value) + 1);
    }
    assert_true(PQsetvalue(r, 0, 0, value == NULL ? NULL : copy, value == NULL ? -1 : (int)strlen(value)));
    return r;
}

static void a_column_keeps_its_type(void **state)
{
    static const struct {
        Oid type;
        const char *value, *wanted;
    } cases[] = {
        {20, "9007199254740993", "{\"c\":9007199254740993}"},
        {3802, "{\"n\": 0.10}", "{\"c\":{\"n\": 0.10}}"},
        {16, "t", "{\"c\":true}"},
        {16, "f", "{\"c\":false}"},
        {17, "\\x6869", "{\"c\":\"hi\"}"},
        {17, "\\xff", "{\"c_base64\":\"/w==\"}"},
        {25, "a\"b\nc", "{\"c\":\"a\\\"b\\nc\"}"},
        {1700, "NaN", "{\"c\":\"NaN\"}"},
        {20, NULL, "{\"c\":null}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PGresult *r = result_of(cases[i].type, cases[i].value);

        assert_json(record_of_row(r, 0), cases[i].wanted);
        PQclear(r);
    }
}

static void a_count_that_is_not_known_is_null(void **state)
{
    cJSON *object = cJSON_CreateObject();

    (void)state;
    record_add_count(object, "a", 0);
    record_add_count(object, "b", -1);
    assert_json(object, "{\"a\":0,\"b\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_text_or_says_that_it_is_not),
        cmocka_unit_test(a_column_keeps_its_type),
        cmocka_unit_test(a_count_that_is_not_known_is_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
