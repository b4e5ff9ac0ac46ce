/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

static void assert_text(struct buf *b, const char *expected)
{
    assert_false(b->failed);
    assert_string_equal(buf_text(b), expected);
    assert_int_equal(b->len, strlen(expected));
}

static void spans_compare_as_bytes_with_a_prefix_first(void **state)
{
    struct span none = span_of(NULL);

    (void)state;
    assert_int_equal(none.len, 0);
    assert_true(span_equal(none, span_of("")));
    assert_true(span_equal(SPAN_LITERAL("ab"), span_of("ab")));
    assert_false(span_equal(SPAN_LITERAL("ab"), span_of("abc")));
    assert_false(span_equal(SPAN_LITERAL("ab"), span_of("ac")));
    assert_true(span_compare(span_of("ab"), span_of("abc")) < 0);
    assert_true(span_compare(span_of("abc"), span_of("ab")) > 0);
    assert_true(span_compare(span_of("b"), span_of("abc")) > 0);
    assert_true(span_compare(SPAN_LITERAL("\x80"), SPAN_LITERAL("\x7f")) > 0);
    assert_int_equal(span_compare(span_of("ab"), span_of("ab")), 0);
    assert_int_equal(span_compare(none, span_of("")), 0);
    assert_true(span_compare(none, span_of("a")) < 0);
}

static void only_well_formed_utf8_without_nul_is_text(void **state)
{
    const struct span good[] = {
        SPAN_LITERAL(""),
        SPAN_LITERAL("plain"),
        SPAN_LITERAL("\xc2\x80 \xdf\xbf"),
        SPAN_LITERAL("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"),
        SPAN_LITERAL("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"),
    };
    const struct span bad[] = {
        SPAN_LITERAL("a\0b"),     /* NUL */
        SPAN_LITERAL("\x80"),     /* a continuation byte alone */
        SPAN_LITERAL("\xc0\xaf"), /* overlong */
        SPAN_LITERAL("\xc1\xbf"),
        SPAN_LITERAL("\xe0\x9f\xbf"),
        SPAN_LITERAL("\xf0\x8f\xbf\xbf"),
        SPAN_LITERAL("\xed\xa0\x80"), /* surrogates */
        SPAN_LITERAL("\xed\xbf\xbf"),
        SPAN_LITERAL("\xf4\x90\x80\x80"), /* above U+10FFFF */
        SPAN_LITERAL("\xf5\x80\x80\x80"),
        SPAN_LITERAL("\xff"),
        SPAN_LITERAL("\xc2"), /* truncated */
        SPAN_LITERAL("\xe2\x82"),
        SPAN_LITERAL("\xf0\x9f\x98"),
        SPAN_LITERAL("\xc2\x41"), /* no continuation byte */
        SPAN_LITERAL("\xe2\x28\xa1"),
        SPAN_LITERAL("\xe2\x82\x28"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(span_is_text(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(span_is_text(bad[i]));
    }
}

/* Words of eight bytes are looked at at once. */
static void a_bad_byte_is_found_wherever_it_stands_in_a_long_text(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        char text[40];
        const struct span whole = {text, sizeof text};

        memset(text, 1, sizeof text); /* the least that is text */
        assert_true(span_is_text(whole));
        text[at] = '\0';
        assert_false(span_is_text(whole));
        text[at] = '\x80';
        assert_false(span_is_text(whole));
        text[at] = '\x7f';
        assert_true(span_is_text(whole));
        assert_true(span_is_text((struct span){text, at}));
    }
}

static void what_is_appended_stands_in_order_whatever_its_size(void **state)
{
    struct buf b = {0};
    char many[1000];

    (void)state;
    memset(many, 'm', sizeof many);
    buf_append_text(&b, "one ");
    buf_append_span(&b, SPAN_LITERAL("two "));
    buf_append_char(&b, '3');
    buf_append(&b, NULL, 0);
    buf_append_span(&b, span_of(NULL));
    buf_printf(&b, " %d %s", 4, "five");
    assert_text(&b, "one two 3 4 five");
    buf_append(&b, many, sizeof many);
    assert_int_equal(b.len, 16 + sizeof many);
    assert_memory_equal(b.data, "one two 3 4 fivem", 17);
    assert_int_equal(buf_span(&b).len, b.len);
    assert_ptr_equal(buf_span(&b).data, b.data);
    buf_clear(&b);
    assert_text(&b, "");
    buf_free(&b);
    assert_null(b.data);
    assert_text(&b, "");
    buf_free(&b);
}

static void reserved_room_is_there_without_moving(void **state)
{
    struct buf b = {0};
    const char *before;

    (void)state;
    assert_true(buf_reserve(&b, 5000));
    before = b.data;
    for (int i = 0; i < 5000; i++) {
        buf_append_char(&b, 'x');
    }
    assert_ptr_equal(b.data, before);
    buf_free(&b);
}

static void a_failed_buffer_stays_failed_until_it_is_cleared(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_append_text(&b, "kept");
    assert_false(buf_reserve(&b, SIZE_MAX / 2));
    assert_true(b.failed);
    buf_append_text(&b, "lost");
    buf_printf(&b, "%s", "lost");
    assert_int_equal(b.len, 4);
    assert_string_equal(buf_text(&b), "");
    buf_clear(&b);
    buf_append_text(&b, "again");
    assert_text(&b, "again");
    buf_free(&b);
}

static void json_strings_are_quoted_and_escaped(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_append_json(&b, SPAN_LITERAL("a\"b\\c\n\0\x1f\x7f\xc3\xa9"));
    assert_text(&b, "\"a\\\"b\\\\c\\u000a\\u0000\\u001f\\u007f\xc3\xa9\"");
    buf_clear(&b);
    buf_append_json(&b, span_of(""));
    assert_text(&b, "\"\"");
    buf_free(&b);
}

static void latin1_becomes_utf8(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_append_latin1(&b, SPAN_LITERAL("caf\xe9 \x80\xbf\xc0\xff"));
    assert_text(&b, "caf\xc3\xa9 \xc2\x80\xc2\xbf\xc3\x80\xc3\xbf");
    assert_true(span_is_text(buf_span(&b)));
    buf_free(&b);
}

/* Asserts that a cut to `most` bytes leaves `expected` bytes. */
static void check_cut(const char *text, size_t most, size_t expected)
{
    assert_int_equal(span_cut(span_of(text), most), expected);
}

static void a_cut_leaves_the_longest_prefix_of_whole_characters(void **state)
{
    static const char text[] = "a\xc3\xa9"                  /* U+00E9, 2 bytes */
                               "b\xe6\xbc\xa2"              /* U+6F22, 3 bytes */
                               "c\xf0\x9f\x98\x80\xc3\xa9"; /* U+1F600, 4 bytes; U+00E9 */
    static const size_t expected[] = {0, 1, 1, 3, 4, 4, 4, 7, 8, 8, 8, 8, 12, 12, 14, 14};

    (void)state;
    for (size_t most = 0; most < sizeof expected / sizeof expected[0]; most++) {
        check_cut(text, most, expected[most]);
        assert_true(span_is_text((struct span){text, span_cut(span_of(text), most)}));
    }
    check_cut("", 0, 0);
    assert_int_equal(span_cut((struct span){NULL, 0}, 7), 0);
}

static void a_cut_of_what_is_no_utf8_is_near_and_safe(void **state)
{
    (void)state;
    check_cut("\x80\x80\x80\x80\x80\x80", 5, 5); /* only continuation bytes */
    check_cut("\x80\x80\x80", 2, 2);
    check_cut("ab\xff\xff", 3, 3); /* 0xff begins no character */
    check_cut("ab\xc0\xc1\xf5", 4, 4);
    check_cut("\xc3\x28\x28", 1, 0); /* 0xc3 begins a character of two bytes */
    check_cut("\xc3\xa9\xa9\xa9", 3, 3);
}

static void a_cut_reads_nothing_behind_it(void **state)
{
    char *exactly = malloc(3);

    (void)state;
    assert_non_null(exactly);
    memcpy(exactly, "ab\xc3", 3);
    assert_int_equal(span_cut((struct span){exactly, 1000}, 3), 2);
    free(exactly);
}

static void check_copy(size_t size, struct span given, const char *expected)
{
    char text[32];

    memset(text, '#', sizeof text);
    assert_int_equal(text_copy(text, size, given), strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(text[size], '#');
    assert_true(span_is_text(span_of(text)));
}

static void a_copied_text_is_one_whatever_was_given(void **state)
{
    (void)state;
    check_copy(16, SPAN_LITERAL("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
    check_copy(6, SPAN_LITERAL("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc");
    check_copy(16, SPAN_LITERAL("gr\xfc\xdf"), "gr??"); /* Latin-1 */
    check_copy(16, SPAN_LITERAL("a\0b\xc3"), "a?b?");
    check_copy(16, SPAN_LITERAL("\xed\xa0\x80\xe0\x80\x80"), "??????"); /* a surrogate; overlong */
    check_copy(16, SPAN_LITERAL("\xf4\x90\x80\x80\xc3+"), "?????+");    /* over U+10FFFF; no continuation */
    check_copy(1, SPAN_LITERAL("abc"), "");
    check_copy(4, (struct span){NULL, 0}, "");
}

__attribute__((format(printf, 3, 4))) static size_t format(char *text, size_t size, const char *form, ...)
{
    va_list arguments;
    size_t len;

    va_start(arguments, form);
    len = text_format(text, size, form, arguments);
    va_end(arguments);
    return len;
}

static void a_formatted_text_is_cut_at_a_character_and_has_no_odd_byte(void **state)
{
    char text[8];

    (void)state;
    assert_int_equal(format(text, sizeof text, "%d %s", 7, "ok"), 4);
    assert_string_equal(text, "7 ok");
    assert_int_equal(format(text, sizeof text, "%s", "abcdefg"), 7);
    assert_string_equal(text, "abcdefg");
    assert_int_equal(format(text, sizeof text, "%s", "abcde\xe6\xbc\xa2"), 5);
    assert_string_equal(text, "abcde");
    assert_int_equal(format(text, sizeof text, "%s", "abcd\xe6\xbc\xa2 and more"), 7);
    assert_string_equal(text, "abcd\xe6\xbc\xa2");
    assert_int_equal(format(text, sizeof text, "%.3s.", "a\xe6\xbc\xa2"), 4);
    assert_string_equal(text, "a??.");
    assert_int_equal(format(text, sizeof text, "%lc", (wint_t)0x110000), 0);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_compare_as_bytes_with_a_prefix_first),
        cmocka_unit_test(only_well_formed_utf8_without_nul_is_text),
        cmocka_unit_test(a_bad_byte_is_found_wherever_it_stands_in_a_long_text),
        cmocka_unit_test(what_is_appended_stands_in_order_whatever_its_size),
        cmocka_unit_test(reserved_room_is_there_without_moving),
        cmocka_unit_test(a_failed_buffer_stays_failed_until_it_is_cleared),
        cmocka_unit_test(json_strings_are_quoted_and_escaped),
        cmocka_unit_test(latin1_becomes_utf8),
        cmocka_unit_test(a_cut_leaves_the_longest_prefix_of_whole_characters),
        cmocka_unit_test(a_cut_of_what_is_no_utf8_is_near_and_safe),
        cmocka_unit_test(a_cut_reads_nothing_behind_it),
        cmocka_unit_test(a_copied_text_is_one_whatever_was_given),
        cmocka_unit_test(a_formatted_text_is_cut_at_a_character_and_has_no_odd_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
