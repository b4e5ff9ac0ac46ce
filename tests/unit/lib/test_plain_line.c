/* SPDX-License-Identifier: MIT */
#include "plain_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_an_author_can_see_is_taken(void **state)
{
    static const char *const fine[] = {"", "a", "two words", "a\tb", "caf\xC3\xA9", "a\xEF\xBB\xBF"};
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        assert_int_equal(plain_line_in_file(span_of(fine[i]), "/s", &error), ERROR_NONE);
        assert_int_equal(plain_line_in_variable(span_of(fine[i]), "S", &error), ERROR_NONE);
    }
}

#define TEXT(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }
#define MEND ": write the file again, without it and with at most one newline: printf %s 'TEXT' > FILE"

static void an_invisible_byte_is_named_with_its_place(void **state)
{
    static const struct {
        struct span text;
        const char *says;
        bool in_variable; /* is refused there, too */
    } wrong[] = {
        {TEXT("secret\r"), "/s has a carriage return (0x0D) at its end, byte 7 of 7" MEND, true},
        {TEXT("secret\n"), "/s has a newline (0x0A) at its end, byte 7 of 7" MEND, true},
        {TEXT("\nsecret"), "/s has a newline (0x0A) at its beginning, byte 1 of 7" MEND, true},
        {TEXT("old\nnew"), "/s has a newline (0x0A) at byte 4 of 7" MEND, true},
        {TEXT("old\r\nnew"), "/s has a carriage return (0x0D) at byte 4 of 8" MEND, true},
        {TEXT("sec\0ret"), "/s has a NUL (0x00) at byte 4 of 7" MEND, true},
        {TEXT("secret "), "/s has a blank (0x20) at its end, byte 7 of 7" MEND, false},
        {TEXT("secret\t"), "/s has a tab (0x09) at its end, byte 7 of 7" MEND, false},
        {TEXT(" secret"), "/s has a blank (0x20) at its beginning, byte 1 of 7" MEND, false},
        {TEXT("\tsecret"), "/s has a tab (0x09) at its beginning, byte 1 of 7" MEND, false},
        {TEXT(" "), "/s has a blank (0x20) at its beginning, byte 1 of 1" MEND, false},
        {TEXT("\xEF\xBB\xBFsecret"), "/s begins with a byte order mark (0xEF 0xBB 0xBF, UTF-8)" MEND, true},
        {TEXT("\xFF\xFEs\0"), "/s begins with a byte order mark (0xFF 0xFE, UTF-16)" MEND, true},
        {TEXT("\xFE\xFF\0s"), "/s begins with a byte order mark (0xFE 0xFF, UTF-16)" MEND, true},
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(plain_line_in_file(wrong[i].text, "/s", &error), ERROR_SETTING);
        assert_string_equal(error.text, wrong[i].says);
        assert_int_equal(plain_line_in_variable(wrong[i].text, "S", &error),
                         wrong[i].in_variable ? ERROR_SETTING : ERROR_NONE);
    }
    assert_int_equal(plain_line_in_variable(SPAN_LITERAL("secret\r"), "S", &error), ERROR_SETTING);
    assert_string_equal(
        error.text, "S has a carriage return (0x0D) at its end, byte 7 of 7: set the variable without it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_author_can_see_is_taken),
        cmocka_unit_test(an_invisible_byte_is_named_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
