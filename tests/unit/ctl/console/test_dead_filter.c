/* SPDX-License-Identifier: MIT */
#include "ctl/console/dead_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void read_from(const char *text, struct query *query, struct deadfilter *filter)
{
    *query = (struct query){0};
    assert_true(query_read(query, span_of(text)));
    dead_filter_read(query, filter);
}

static void a_filter_survives_its_url_and_its_form(void **state)
{
    struct query query;
    struct deadfilter filter;
    struct buf url = {0}, fields = {0}, words = {0};

    (void)state;
    read_from("source=git%26hub&verdict=later&sqlstate=23&reason=%22a%20b%22&id=1&dead-id=3,4", &query,
              &filter);
    dead_filter_append_url(&filter, &url);
    assert_string_equal(buf_text(&url),
                        "?source=git%26hub&verdict=later&sqlstate=23&reason=%22a%20b%22&id=1&dead-id=3%2C4");
    dead_filter_append_fields(&filter, &fields);
    assert_non_null(
        strstr(buf_text(&fields), "<input type=\"hidden\" name=\"reason\" value=\"&quot;a b&quot;\">"));
    assert_null(strstr(buf_text(&fields), "name=\"all\""));
    dead_filter_append_words(&filter, &words);
    assert_string_equal(
        buf_text(&words),
        "source git&amp;hub, verdict later, SQLSTATE 23, reason &quot;a b&quot;, id 1, number 3,4");
    assert_true(deadfilter_chosen(&filter));
    query_free(&query);
    buf_free(&url);
    buf_free(&fields);
    buf_free(&words);
}

static void only_all_1_means_all(void **state)
{
    struct query query;
    struct deadfilter filter;
    struct buf url = {0}, fields = {0}, words = {0};

    (void)state;
    read_from("all=yes&source=", &query, &filter);
    assert_false(filter.all || deadfilter_chosen(&filter));
    query_free(&query);
    read_from("all=1", &query, &filter);
    assert_true(filter.all && deadfilter_chosen(&filter));
    dead_filter_append_url(&filter, &url);
    dead_filter_append_fields(&filter, &fields);
    dead_filter_append_words(&filter, &words);
    assert_string_equal(buf_text(&url), "?all=1");
    assert_string_equal(buf_text(&fields), "<input type=\"hidden\" name=\"all\" value=\"1\">\n");
    assert_string_equal(buf_text(&words), "all dead letters");
    query_free(&query);
    buf_free(&url);
    buf_free(&fields);
    buf_free(&words);
}

static void an_audit_line_gets_the_options_of_the_command(void **state)
{
    static const char *const expected[] = {"dead drop", "--source", "a", "--dead-id", "7", "(console)"};
    struct dead_filter_arguments arguments;
    struct query query;
    struct deadfilter filter;

    (void)state;
    read_from("source=a&dead-id=7", &query, &filter);
    dead_filter_arguments(&filter, "dead drop", &arguments);
    assert_int_equal(arguments.count, 6);
    for (int i = 0; i < arguments.count; i++) {
        assert_string_equal(arguments.list[i], expected[i]);
    }
    filter = (struct deadfilter)DEADFILTER_ANY;
    filter.all = true;
    dead_filter_arguments(&filter, "dead replay", &arguments);
    assert_int_equal(arguments.count, 3);
    assert_string_equal(arguments.list[1], "--all");
    query_free(&query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_survives_its_url_and_its_form),
        cmocka_unit_test(only_all_1_means_all),
        cmocka_unit_test(an_audit_line_gets_the_options_of_the_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
