/* SPDX-License-Identifier: MIT */
#include "error.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_but_none_has_a_class),
        cmocka_unit_test(a_code_that_does_not_exist_is_a_bug),
        cmocka_unit_test(setting_an_error_keeps_its_sentence_and_returns_its_code),
        cmocka_unit_test(a_sentence_too_long_is_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
