/* SPDX-License-Identifier: MIT */
#include "ctl/look/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state)
{
    static const char *const ids[] = {"evt_1", "",   "a.b.c", "a b/c%d\"'\n\t\x7f", "\xc3\xa9\xe2\x80\xae",
                                      "..",    "%00"};

    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct cursor cursor = {0};
        struct buf text = {0};

        cursor_append(&text, i % 2 == 0 ? "1763900000000000" : "-5", "github", ids[i]);
        for (size_t at = 0; at < text.len; at++) {
            assert_true(text.data[at] > ' ' && text.data[at] < '\x7f');
        }
        assert_true(cursor_read(buf_text(&text), &cursor));
        assert_string_equal(buf_text(&cursor.us), i % 2 == 0 ? "1763900000000000" : "-5");
        assert_string_equal(buf_text(&cursor.source), "github");
        assert_string_equal(buf_text(&cursor.id), ids[i]);
        cursor_free(&cursor);
        buf_free(&text);
    }
}

static void nothing_else_is_read(void **state)
{
    static const char *const texts[] = {"",         "1",       "1.",      "1.s",
                                        "x.s.i",    "-.s.i",   "1.s.%00", "1.s.%ff",
                                        "1.s.%zz",  "1.s.a b", "1.s.%61", "1 .s.i",
                                        "1.\xff.i", "1.s.i%",  "1.s.a/b", "1234567890123456789.s.i"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cursor cursor = {0};

        assert_false(cursor_read(texts[i], &cursor));
        cursor_free(&cursor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nothing_else_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
