/* SPDX-License-Identifier: MIT */
#include "ctl/map/sql_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_literal_is_one_printable_line_without_dollars(void **state)
{
    static const struct {
        const char *text, *literal;
    } cases[] = {
        {"", "''"},
        {"full_name", "'full_name'"},
        {"-- a \"b\" /* %s :c", "'-- a \"b\" /* %s :c'"},
        {"it's", "E'it\\'s'"},
        {"a\\b", "E'a\\\\b'"},
        {"\\'; drop", "E'\\\\\\'; drop'"},
        {"a$$b", "E'a\\u0024\\u0024b'"},
        {"a\nb\r\t\x1b\x7f", "E'a\\u000Ab\\u000D\\u0009\\u001B\\u007F'"},
        {"\xc3\xa4\xe2\x80\xae", "E'\\u00E4\\u202E'"},
        {"\xf0\x9f\x98\x80!", "E'\\U0001F600!'"},
        {"a\xff", "E'a\\u003F'"},
    };
    struct buf sql = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&sql);
        sql_append_literal(&sql, span_of(cases[i].text));
        assert_string_equal(buf_text(&sql), cases[i].literal);
    }
    buf_free(&sql);
}

static void a_name_has_small_letters_digits_and_underscores_only(void **state)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"", ""},
        {"full_name", "full_name"},
        {"createdAt", "created_at"},
        {"HTTPUrl", "httpurl"},
        {"v2Id", "v2_id"},
        {"a-b c", "a_b_c"},
        {"a\"b'\n$", "a_b___"},
        {"\xc3\xa4\xf0\x9f\x98\x80x", "__x"},
        {"ID", "id"},
    };
    struct buf name = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&name);
        sql_append_name(&name, span_of(cases[i].text));
        assert_string_equal(buf_text(&name), cases[i].name);
    }
    buf_free(&name);
}

static void a_name_that_a_person_gives_has_1_to_63_plain_characters(void **state)
{
    char text[65];

    (void)state;
    assert_true(sql_is_name("Git_hub2"));
    assert_false(sql_is_name(""));
    assert_false(sql_is_name("a b"));
    assert_false(sql_is_name("a\"b"));
    assert_false(sql_is_name("a$b"));
    assert_false(sql_is_name("\xc3\xa4"));
    memset(text, 'a', sizeof text);
    text[63] = '\0';
    assert_true(sql_is_name(text));
    text[63] = 'a';
    text[64] = '\0';
    assert_false(sql_is_name(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_is_one_printable_line_without_dollars),
        cmocka_unit_test(a_name_has_small_letters_digits_and_underscores_only),
        cmocka_unit_test(a_name_that_a_person_gives_has_1_to_63_plain_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
