/* SPDX-License-Identifier: MIT */
#include "ctl/console/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state)
{
    static const char *const values[] = {"a b", "50%&x=y", "caf\xc3\xa9+#?/", "\xe2\x80\xae\n"};
    struct buf url = {0};
    struct query query = {0};

    (void)state;
    buf_append_text(&url, "/events");
    query_append(&url, "empty", "");
    query_append(&url, "none", NULL);
    assert_string_equal(buf_text(&url), "/events");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        query_append(&url, "json", values[i]);
    }
    assert_string_equal(buf_text(&url), "/events?json=a%20b&json=50%25%26x%3Dy&json=caf%C3%A9%2B%23%3F%2F"
                                        "&json=%E2%80%AE%0A");
    assert_true(query_read(&query, span_of(buf_text(&url) + strlen("/events?"))));
    assert_int_equal(query.count, 4);
    for (size_t i = 0; i < query.count; i++) {
        assert_string_equal(query.pairs[i].name, "json");
        assert_string_equal(query.pairs[i].value, values[i]);
    }
    query_free(&query);
    buf_free(&url);
}

static void parameters_are_read_as_forms_write_them(void **state)
{
    struct query query = {0};

    (void)state;
    assert_true(query_read(&query, span_of("a=1+2&&b&c=&a=3&d=%3d%C3%a9")));
    assert_string_equal(query_get(&query, "a"), "1 2");
    assert_null(query_get(&query, "b"));
    assert_null(query_get(&query, "c"));
    assert_null(query_get(&query, "e"));
    assert_string_equal(query_get(&query, "d"), "=\xc3\xa9");
    assert_int_equal(query.count, 5);
    query_free(&query);
    assert_true(query_read(&query, span_of(NULL)));
    assert_int_equal(query.count, 0);
    query_free(&query);
}

static void what_is_no_text_or_too_much_is_refused(void **state)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "%00=a", "a=%ff", "a=\xc3"};
    struct query query = {0};
    struct buf many = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(query_read(&query, span_of(bad[i])));
        query_free(&query);
    }
    for (size_t i = 0; i < QUERY_PAIRS_MAX; i++) {
        buf_append_text(&many, "a=b&");
    }
    assert_true(query_read(&query, buf_span(&many)));
    query_free(&query);
    buf_append_text(&many, "a=b");
    assert_false(query_read(&query, buf_span(&many)));
    query_free(&query);
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(parameters_are_read_as_forms_write_them),
        cmocka_unit_test(what_is_no_text_or_too_much_is_refused),
    };

    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
