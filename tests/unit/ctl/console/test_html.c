/* SPDX-License-Identifier: MIT */
#include "ctl/console/html.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MARK(text) "<span class=\"mark\">" text "</span>"

static void what_a_sender_wrote_is_text(void **state)
{
    static const struct {
        const char *text;
        size_t len, most;
        const char *html;
        size_t left;
    } cases[] = {
        {"", 0, 0, "", 0},
        {"plain caf\xc3\xa9", 11, 0, "plain caf\xc3\xa9", 0},
        {"<script>'&\"</script>", 20, 0, "&lt;script&gt;&#39;&amp;&quot;&lt;/script&gt;", 0},
        {"a\0b", 3, 0, "a" MARK("\\x00") "b", 0},
        {"\xff\xc3", 2, 0, MARK("\\xFF") MARK("\\xC3"), 0},
        {"a\nb\tc\r\x1b", 7, 0, "a" MARK("\\n") "b" MARK("U+0009") "c" MARK("U+000D") MARK("U+001B"), 0},
        {"\xe2\x80\xae"
         "evil\xe2\x80\xac",
         10, 0, MARK("U+202E") "evil" MARK("U+202C"), 0},
        {"\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81", 10, 0, MARK("U+200B") MARK("U+FEFF") MARK("U+E0041"), 0},
        {"\xe2\x81\xa7", 3, 0, MARK("U+2067"), 0},
        {"abcdef", 6, 4, "abcd", 2},
        {"abc\xc3\xa9"
         "f",
         6, 4, "abc", 3}, /* not within a character */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        assert_int_equal(html_text(&out, (struct span){cases[i].text, cases[i].len}, cases[i].most),
                         cases[i].left);
        assert_string_equal(buf_text(&out), cases[i].html);
        buf_free(&out);
    }
}

static void lines_stay_and_long_ones_are_cut_with_a_note(void **state)
{
    static const struct {
        const char *text;
        size_t line_most, most;
        const char *html;
        size_t left;
    } cases[] = {
        {"", 10, 10, "", 0},
        {"a\n\tb\r\n", 10, 100, "a\n\tb" MARK("U+000D") "\n", 0},
        {"abcdef\ngh", 4, 100, "abcd" MARK("\xe2\x80\xa6 this line has 2 bytes more") "\ngh", 0},
        {"ab\ncd\nef", 10, 4, "ab\nc" MARK("\xe2\x80\xa6 this line has 1 bytes more") "\n", 2},
        {"ab\ncd", 10, 3, "ab\n", 2},
        {"<b>\n", 10, 10, "&lt;b&gt;\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        assert_int_equal(html_lines(&out, span_of(cases[i].text), cases[i].line_most, cases[i].most),
                         cases[i].left);
        assert_string_equal(buf_text(&out), cases[i].html);
        buf_free(&out);
    }
}

static void a_format_escapes_by_where_a_value_stands(void **state)
{
    struct buf out = {0};

    (void)state;
    html_print(&out, "<a href=\"%s\">%s</a>%% %d %" PRId64 " %zu", "/x?a=1&b=\"'<\n", "<i>\n", -3,
               INT64_C(1) << 40, (size_t)7);
    assert_string_equal(buf_text(&out), "<a href=\"/x?a=1&amp;b=&quot;&#39;&lt;&#10;\">&lt;i&gt;" MARK(
                                            "\\n") "</a>% -3 1099511627776 7");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_sender_wrote_is_text),
        cmocka_unit_test(lines_stay_and_long_ones_are_cut_with_a_note),
        cmocka_unit_test(a_format_escapes_by_where_a_value_stands),
    };

    return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
