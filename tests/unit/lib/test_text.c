/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void only_blanks_and_tabs_at_the_ends_are_trimmed(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},           {" \t ", ""}, {"a", "a"},   {" \ta b\t ", "a b"},
        {"\na\r", "\na\r"}, {"a\t", "a"}, {"\ta", "a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(span_equal(text_trim(span_of(cases[i][0])), span_of(cases[i][1])));
    }
    assert_int_equal(text_trim((struct span){NULL, 0}).len, 0);
    assert_int_equal(text_trim((struct span){"\0 ", 2}).len, 1);
}

static void a_prefix_is_compared_byte_by_byte_and_within_the_text(void **state)
{
    (void)state;
    assert_true(text_begins(SPAN_LITERAL("v1=x"), "v1="));
    assert_true(text_begins(SPAN_LITERAL("v1="), "v1="));
    assert_true(text_begins((struct span){NULL, 0}, ""));
    assert_false(text_begins((struct span){"v1=", 2}, "v1="));
    assert_false(text_begins(SPAN_LITERAL("V1=x"), "v1="));
    assert_false(text_begins((struct span){NULL, 0}, "v"));
}

static void a_number_is_digits_alone_and_not_too_many(void **state)
{
    static const char *const wrong[] = {"", "+1", "-1", " 1", "1 ", "1a", "0x1", "1.0", "1234", "\xb9"};
    int64_t number = -1;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(text_number(span_of(wrong[i]), 3, &number));
        assert_int_equal(number, -1);
    }
    assert_false(text_number((struct span){"1\0", 2}, 3, &number));
    assert_true(text_number(SPAN_LITERAL("000"), 3, &number));
    assert_int_equal(number, 0);
    assert_true(text_number(SPAN_LITERAL("099"), 3, &number));
    assert_int_equal(number, 99);
    assert_true(text_number(SPAN_LITERAL("999999999999999999"), 18, &number));
    assert_true(number == INT64_C(999999999999999999));
    assert_true(text_is_digits(SPAN_LITERAL("")));
    assert_false(text_is_digits(SPAN_LITERAL("12-")));
}

static void hex_is_read_in_either_case_and_written_in_lower_case(void **state)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    char text[6];

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *at = c == 0 ? NULL : strchr(digits, c);
        int value = at == NULL ? -1 : (int)(at - digits);

        assert_int_equal(text_hex_digit((char)c), value > 15 ? value - 6 : value);
    }
    text_write_hex((const unsigned char *)"\x01\xab\xff", 3, text);
    assert_memory_equal(text, "01abff", sizeof text);
}

static void hex_is_read_as_whole_bytes_or_not_at_all(void **state)
{
    static const char *const wrong[] = {"0", "0g", "g0", "00 ", " 00", "0x00", "00-1", "\xc3\xa9"};
    struct buf bytes = {0};

    (void)state;
    assert_true(text_read_hex(SPAN_LITERAL(""), &bytes) && bytes.len == 0);
    assert_true(text_read_hex(SPAN_LITERAL("01aBFf"), &bytes) && bytes.len == 3);
    assert_memory_equal(bytes.data, "\x01\xab\xff", 3);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(text_read_hex(span_of(wrong[i]), &bytes));
        assert_int_equal(bytes.len, 3);
    }
    bytes.failed = true;
    assert_false(text_read_hex(SPAN_LITERAL("00"), &bytes));
    buf_free(&bytes);
}

static bool reads(const char *text, const char *expected)
{
    struct buf bytes = {0};
    bool fine;

    buf_append_text(&bytes, "before");
    fine = text_read_base64(span_of(text), &bytes) && bytes.len == 6 + strlen(expected) &&
           memcmp(bytes.data + 6, expected, strlen(expected)) == 0;
    assert_true(fine || bytes.len == 6);
    buf_free(&bytes);
    return fine;
}

static void base64_is_read_with_its_padding_or_without(void **state)
{
    (void)state;
    assert_true(reads("", ""));
    assert_true(reads("Zg==", "f"));
    assert_true(reads("Zg", "f"));
    assert_true(reads("Zm8=", "fo"));
    assert_true(reads("Zm8", "fo"));
    assert_true(reads("Zm9vYmFy", "foobar"));
    assert_true(reads("+//+", "\xfb\xff\xfe"));
}

static void what_is_no_base64_is_refused(void **state)
{
    static const char *const wrong[] = {"Z",      "Zg=",   "Z===", "Zh==",   "Zm9=",     "-__-",
                                        "Zm9v\n", "Zm 9v", "====", "Zg==Zg", "Zm9vY===", "\xe9\xe9\xe9\xe9",
                                        "Zm9vZ"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(reads(wrong[i], "f"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_blanks_and_tabs_at_the_ends_are_trimmed),
        cmocka_unit_test(a_prefix_is_compared_byte_by_byte_and_within_the_text),
        cmocka_unit_test(a_number_is_digits_alone_and_not_too_many),
        cmocka_unit_test(hex_is_read_in_either_case_and_written_in_lower_case),
        cmocka_unit_test(hex_is_read_as_whole_bytes_or_not_at_all),
        cmocka_unit_test(base64_is_read_with_its_padding_or_without),
        cmocka_unit_test(what_is_no_base64_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
