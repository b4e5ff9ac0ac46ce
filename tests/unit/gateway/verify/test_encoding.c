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
    assert_written(ENCODING_BASE64URL, "\xfb\xff\xfe", "-__-");
    assert_written(ENCODING_BASE64URL, "f", "Zg==");
    assert_written(ENCODING_HEX, "", "");
    assert_written(ENCODING_HEX, "\x01\xab\xff", "01abff");
}

static void an_encoded_value_is_decoded_again(void **state)
{
    struct buf bytes = {0};

    (void)state;
    assert_true(encoding_read(ENCODING_HEX, SPAN_LITERAL("01ABff"), &bytes));
    assert_true(encoding_read(ENCODING_BASE64, SPAN_LITERAL("+//+"), &bytes));
    assert_memory_equal(bytes.data, "\x01\xab\xff\xfb\xff\xfe", 6);
    assert_false(encoding_read(ENCODING_HEX, SPAN_LITERAL("+//+"), &bytes));
    assert_int_equal(bytes.len, 6);
    assert_true(encoding_read(ENCODING_BASE64URL, SPAN_LITERAL("-__-Zg"), &bytes));
    assert_memory_equal(bytes.data + 6,
                        "\xfb\xff\xfe"
                        "f",
                        4);
    assert_true(encoding_read(ENCODING_BASE64URL, SPAN_LITERAL("Zg=="), &bytes));
    assert_false(encoding_read(ENCODING_BASE64URL, SPAN_LITERAL("+__-"), &bytes));
    assert_false(encoding_read(ENCODING_BASE64URL, SPAN_LITERAL("-/_-"), &bytes));
    assert_false(encoding_read(ENCODING_BASE64, SPAN_LITERAL("-__-"), &bytes));
    assert_int_equal(bytes.len, 11);
    buf_free(&bytes);
}

static void encodings_have_names(void **state)
{
    enum encoding encoding;

    (void)state;
    assert_true(encoding_of(span_of(encoding_name(ENCODING_HEX)), &encoding) && encoding == ENCODING_HEX);
    assert_true(encoding_of(span_of(encoding_name(ENCODING_BASE64)), &encoding) &&
                encoding == ENCODING_BASE64);
    assert_true(encoding_of(SPAN_LITERAL("base64url"), &encoding) && encoding == ENCODING_BASE64URL);
    assert_false(encoding_of(SPAN_LITERAL("HEX"), &encoding));
    assert_false(encoding_of(SPAN_LITERAL(""), &encoding));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_as_rfc_4648_says),
        cmocka_unit_test(an_encoded_value_is_decoded_again),
        cmocka_unit_test(encodings_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
