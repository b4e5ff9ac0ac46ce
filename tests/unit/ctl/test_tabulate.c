/* SPDX-License-Identifier: MIT */
#include "ctl/tabulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void text_stands_on_one_line_and_tells_a_terminal_nothing(void **state)
{
    static const struct {
        const char *text;
        size_t most;
        const char *shown;
        size_t characters;
    } cases[] = {
        {"", 0, "", 0},
        {"plain", 0, "plain", 5},
        {"two\nlines\t\x1b[31m\x7f", 0, "two?lines??[31m?", 16},
        {"\xc2\x9b"
         "31m",
         0, "?31m", 4},
        {"\xc2\xa0", 0, "\xc2\xa0", 1},
        {"caf\xc3\xa9 \xe2\x82\xac", 6, "caf\xc3\xa9 \xe2\x82\xac", 6},
        {"caf\xc3\xa9 \xe2\x82\xac", 5, "caf..", 5},
        {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3, "\xc3\xa9..", 3},
        {"abc", 2, "abc", 3}, /* too narrow for ".." */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        assert_int_equal(tabulate_append(&out, cases[i].text, cases[i].most), cases[i].characters);
        assert_string_equal(buf_text(&out), cases[i].shown);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stands_on_one_line_and_tells_a_terminal_nothing),
    };

    return cmocka_run_group_tests_name("tabulate", tests, NULL, NULL);
}
