/* SPDX-License-Identifier: MIT */
#include "ctl/map/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_kind_is_found_by_its_word(void **state)
{
    (void)state;
    for (enum kind kind = KIND_BIGINT; kind < KIND_COUNT; kind++) {
        assert_int_equal(kind_of(kind_word(kind)), kind);
    }
    assert_int_equal(kind_of("else"), KIND_NONE);
    assert_int_equal(kind_of(""), KIND_NONE);
}

static void a_column_has_the_type_that_holds_all_kinds(void **state)
{
    static const struct {
        unsigned kinds;
        enum kind column;
    } cases[] = {
        {KIND_BIT(KIND_BIGINT), KIND_BIGINT},
        {KIND_BIT(KIND_NUMERIC), KIND_NUMERIC},
        {KIND_BIT(KIND_BOOLEAN), KIND_BOOLEAN},
        {KIND_BIT(KIND_TIMESTAMPTZ), KIND_TIMESTAMPTZ},
        {KIND_BIT(KIND_UUID) | KIND_BIT(KIND_NULL), KIND_UUID},
        {KIND_BIT(KIND_TEXT), KIND_TEXT},
        {KIND_BIT(KIND_NULL), KIND_TEXT},
        {KIND_BIT(KIND_BIGINT) | KIND_BIT(KIND_NUMERIC) | KIND_BIT(KIND_NULL), KIND_NUMERIC},
        {KIND_BIT(KIND_BIGINT) | KIND_BIT(KIND_BOOLEAN), KIND_TEXT},
        {KIND_BIT(KIND_UUID) | KIND_BIT(KIND_TIMESTAMPTZ), KIND_TEXT},
        {KIND_BIT(KIND_UUID) | KIND_BIT(KIND_TEXT), KIND_TEXT},
        {KIND_BIT(KIND_ARRAY), KIND_OBJECT},
        {KIND_BIT(KIND_OBJECT) | KIND_BIT(KIND_NULL), KIND_OBJECT},
        {KIND_BIT(KIND_TEXT) | KIND_BIT(KIND_ARRAY), KIND_OBJECT},
        {KIND_BIT(KIND_TEXT) | KIND_BIT(KIND_INNER), KIND_OBJECT},
        {KIND_BIT(KIND_INNER), KIND_NONE},
        {KIND_BIT(KIND_INNER) | KIND_BIT(KIND_NULL), KIND_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(kind_of_column(cases[i].kinds), cases[i].column);
    }
}

static void samples_and_printed_functions_use_the_same_tests(void **state)
{
    struct buf expression = {0}, function = {0};

    (void)state;
    kind_append_case(&expression, "level < 2");
    for (enum kind kind = KIND_BIGINT; kind < KIND_TEXT; kind++) {
        char *test, *end;

        buf_clear(&function);
        kind_append_function(&function, kind);
        test = strstr(buf_text(&function), "case when ") + strlen("case when ");
        end = strchr(test, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_non_null(strstr(buf_text(&expression), test));
    }
    assert_non_null(
        strstr(buf_text(&expression), "when level < 2 then 'object with members' else 'object' end"));
    buf_free(&expression);
    buf_free(&function);
}

static void a_function_tests_before_it_casts(void **state)
{
    struct buf function = {0};

    (void)state;
    kind_append_function(&function, KIND_BOOLEAN);
    kind_append_function(&function, KIND_BIGINT);
    assert_string_equal(buf_text(&function),
                        "create or replace function payload_boolean(value jsonb) returns boolean\n"
                        "language sql immutable strict parallel safe\n"
                        "return case when jsonb_typeof(value) = 'boolean'\n"
                        "            then value::boolean end;\n"
                        "create or replace function payload_bigint(value jsonb) returns bigint\n"
                        "language sql immutable strict parallel safe\n"
                        "return case when jsonb_typeof(value) = 'number'\n"
                        "             and value::text ~ '^-?([0-9]{1,18}|[1-8][0-9]{18})$'\n"
                        "            then value::bigint end;\n");
    buf_free(&function);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_found_by_its_word),
        cmocka_unit_test(a_column_has_the_type_that_holds_all_kinds),
        cmocka_unit_test(samples_and_printed_functions_use_the_same_tests),
        cmocka_unit_test(a_function_tests_before_it_casts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
