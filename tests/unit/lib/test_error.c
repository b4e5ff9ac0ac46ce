/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NUMBER_OF(name, class, text) name,
static const enum error_code codes[] = {ERROR_CODES(NUMBER_OF)};
#undef NUMBER_OF
#define CODE_COUNT (sizeof codes / sizeof codes[0])

static void every_code_has_a_name_a_text_and_a_class_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        assert_int_equal(codes[i], i);
        assert_memory_equal(error_name(codes[i]), "ERROR_", 6);
        assert_true(strlen(error_text(codes[i])) > 3);
        assert_true(error_class(codes[i]) == ERROR_CLASS_NONE ? i == 0 : i > 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(error_name(codes[i]), error_name(codes[j]));
            assert_string_not_equal(error_text(codes[i]), error_text(codes[j]));
        }
    }
}

static void a_code_that_does_not_exist_is_a_bug(void **state)
{
    (void)state;
    assert_string_equal(error_name((enum error_code)CODE_COUNT), "ERROR_UNKNOWN");
    assert_string_equal(error_text((enum error_code) - 1), "unknown error code");
    assert_int_equal(error_class((enum error_code)1000), ERROR_CLASS_BUG);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_a_text_and_a_class_of_its_own),
        cmocka_unit_test(a_code_that_does_not_exist_is_a_bug),
        cmocka_unit_test(setting_an_error_keeps_its_sentence_and_returns_its_code),
        cmocka_unit_test(a_sentence_too_long_is_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
