/* SPDX-License-Identifier: MIT */
#include "error.h"

#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NUMBER_OF(name, class) name,
static const enum error_code codes[] = {ERROR_CODES(NUMBER_OF)};
#undef NUMBER_OF
#define CODE_COUNT (sizeof codes / sizeof codes[0])

static void every_code_but_none_has_a_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        assert_int_equal(codes[i], i);
        assert_int_equal(error_class(codes[i]) == ERROR_CLASS_NONE, i == 0);
    }
}

static void a_code_that_does_not_exist_is_a_bug(void **state)
{
    (void)state;
    assert_int_equal(error_class((enum error_code)CODE_COUNT), ERROR_CLASS_BUG);
    assert_int_equal(error_class((enum error_code) - 1), ERROR_CLASS_BUG);
}

static void setting_an_error_keeps_its_sentence_and_returns_its_code(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(error_set(&error, ERROR_TIMEOUT, "no answer in %d ms", 17), ERROR_TIMEOUT);
    assert_int_equal(error.code, ERROR_TIMEOUT);
    assert_string_equal(error.text, "no answer in 17 ms");
    assert_int_equal(error_set(NULL, ERROR_BUG, "nobody listens"), ERROR_BUG);
}

static void a_sentence_too_long_is_cut_to_fit(void **state)
{
    struct error error;
    char longer[2 * sizeof error.text];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)error_set(&error, ERROR_LIMIT, "%s", longer);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

/* An error's text may become a dead letter's reason, and Postgres rejects invalid text. */
static void a_sentence_is_text_wherever_it_is_cut_and_whatever_it_quotes(void **state)
{
    struct error error;
    char longer[sizeof error.text];

    (void)state;
    for (size_t before = sizeof longer - 5; before < sizeof longer; before++) {
        memset(longer, 'x', before);
        longer[before] = '\0';
        (void)error_set(&error, ERROR_LIMIT, "%s\xf0\x9f\x98\x80", longer);
        assert_true(span_is_text(span_of(error.text)));
        assert_int_equal(strlen(error.text), before + 4 < sizeof error.text ? before + 4 : before);
    }
    (void)error_set(&error, ERROR_CLOSED, "the broker says %.*s", 5, "gr\xfc\xdf.");
    assert_string_equal(error.text, "the broker says gr??.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_but_none_has_a_class),
        cmocka_unit_test(a_code_that_does_not_exist_is_a_bug),
        cmocka_unit_test(setting_an_error_keeps_its_sentence_and_returns_its_code),
        cmocka_unit_test(a_sentence_too_long_is_cut_to_fit),
        cmocka_unit_test(a_sentence_is_text_wherever_it_is_cut_and_whatever_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
