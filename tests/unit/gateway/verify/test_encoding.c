/* SPDX-License-Identifier: MIT */
#include "gateway/verify/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(enum encoding encoding, const char *bytes, const char *expected)
{
    char text[64];
    size_t len = encoding_length(encoding, strlen(bytes));

    assert_int_equal(len, strlen(expected));
    encoding_write(encoding, (const unsigned char *)bytes, strlen(bytes), text);
    assert_memory_equal(text, expected, len);
}

static void bytes_are_written_as_rfc_4648_says(void **state)
{
    (void)state;
    assert_written(ENCODING_BASE64, "", "");
    assert_written(ENCODING_BASE64, "f", "Zg==");
    assert_written(ENCODING_BASE64, "fo", "Zm8=");
    assert_written(ENCODING_BASE64, "foo", "Zm9v");
    assert_written(ENCODING_BASE64, "foob", "Zm9vYg==");
    assert_written(ENCODING_BASE64, "\xfb\xff\xfe", "+//+");
    assert_written(ENCODING_HEX, "", "");
    assert_written(ENCODING_HEX, "\x01\xab\xff", "01abff");
}

static bool reads(const char *text, const char *expected)
{
    struct buf bytes = {0};
    bool fine;

    buf_append_text(&bytes, "before");
    fine = encoding_read_base64(span_of(text), &bytes) && bytes.len == 6 + strlen(expected) &&
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

static void encodings_have_names(void **state)
{
    enum encoding encoding;

    (void)state;
    assert_true(encoding_of(span_of(encoding_name(ENCODING_HEX)), &encoding) && encoding == ENCODING_HEX);
    assert_true(encoding_of(span_of(encoding_name(ENCODING_BASE64)), &encoding) &&
                encoding == ENCODING_BASE64);
    assert_false(encoding_of(SPAN_LITERAL("HEX"), &encoding));
    assert_false(encoding_of(SPAN_LITERAL(""), &encoding));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_as_rfc_4648_says),
        cmocka_unit_test(base64_is_read_with_its_padding_or_without),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(encodings_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
