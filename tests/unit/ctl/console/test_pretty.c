/* SPDX-License-Identifier: MIT */
#include "ctl/console/pretty.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void json_gets_lines_and_keeps_each_digit_and_escape(void **state)
{
    static const struct {
        const char *text, *pretty;
    } cases[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"12345678901234567890.000", "12345678901234567890.000"},
        {"{\"a\":1E+2,\"b\":[1.10,-0,{\"c\" : null}],\"d\":{}}",
         "{\n  \"a\": 1E+2,\n  \"b\": [\n    1.10,\n    -0,\n    {\n      \"c\": null\n    }\n  ],\n  \"d\": "
         "{}\n}"},
        {"[\"{,:[\\u202e\\\"]\"]", "[\n  \"{,:[\\u202e\\\"]\"\n]"},
        {"{\"a\":1,\"a\":2}", "{\n  \"a\": 1,\n  \"a\": 2\n}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        assert_true(pretty_json(&out, span_of(cases[i].text)));
        assert_string_equal(buf_text(&out), cases[i].pretty);
        buf_free(&out);
    }
}

static void a_deep_body_of_short_lines_stays_small(void **state)
{
    struct buf text = {0}, out = {0};

    (void)state;
    for (int i = 0; i < 500; i++) {
        buf_append_char(&text, '[');
    }
    for (int i = 0; i < 10000; i++) {
        buf_append_text(&text, "1,");
    }
    buf_append_char(&text, '1');
    for (int i = 0; i < 500; i++) {
        buf_append_char(&text, ']');
    }
    assert_true(pretty_json(&out, buf_span(&text)));
    assert_true(out.len < 40 * text.len);
    buf_free(&text);
    buf_free(&out);
}

static void what_is_not_json_is_left_alone(void **state)
{
    static const char *const texts[] = {"", "a=b", "{", "[1,]", "{\"a\":}", "1 2", "{}x", "[01]"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out = {0};

        assert_false(pretty_json(&out, span_of(texts[i])));
        assert_int_equal(out.len, 0);
        buf_free(&out);
    }
    assert_false(pretty_json(&(struct buf){0}, (struct span){"1\0", 2}));
}

static void a_word_for_the_shell_is_one_word_of_ascii(void **state)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "''"},
        {"a $b `c` \"d\" \\", "'a $b `c` \"d\" \\'"},
        {"it's \\", "$'it\\'s \\\\'"},
        {"\xe2\x80\xae\n", "$'\\xe2\\x80\\xae\\x0a'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        pretty_shell(&out, span_of(cases[i].text));
        assert_string_equal(buf_text(&out), cases[i].word);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_gets_lines_and_keeps_each_digit_and_escape),
        cmocka_unit_test(a_deep_body_of_short_lines_stays_small),
        cmocka_unit_test(what_is_not_json_is_left_alone),
        cmocka_unit_test(a_word_for_the_shell_is_one_word_of_ascii),
    };

    return cmocka_run_group_tests_name("pretty", tests, NULL, NULL);
}
