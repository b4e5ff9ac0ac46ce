/* SPDX-License-Identifier: MIT */
#include "ctl/look/json_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_condition_is_a_pointer_and_what_must_be_there(void **state)
{
    static const struct {
        const char *text, *tokens;
        bool contains;
        const char *value;
    } cases[] = {
        {"/a=x", "{\"a\"}", false, "x"},
        {"/a/b/0=", "{\"a\",\"b\",\"0\"}", false, ""},
        {"/a=b@>c", "{\"a\"}", false, "b@>c"},
        {"/a=b=c", "{\"a\"}", false, "b=c"},
        {"/a@>{\"b\":\"=\"}", "{\"a\"}", true, "{\"b\":\"=\"}"},
        {"@>[1]", "{}", true, "[1]"},
        {"/=x", "{\"\"}", false, "x"},
        {"/a//b=x", "{\"a\",\"\",\"b\"}", false, "x"},
        {"/a~1b/c~0d=x", "{\"a/b\",\"c~d\"}", false, "x"},
        {"/a\"b\\,{}=x", "{\"a\\\"b\\\\,{}\"}", false, "x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_path path;

        assert_null(json_path_read(cases[i].text, &path));
        assert_string_equal(buf_text(&path.tokens), cases[i].tokens);
        assert_int_equal(path.contains, cases[i].contains);
        assert_string_equal(path.value, cases[i].value);
        json_path_free(&path);
    }
}

static void what_is_no_condition_is_refused(void **state)
{
    static const char *const texts[] = {"",     "/a",    "a=x",     "=x",   "a@>1",
                                        "/a@>", "/a@>{", "/a@>1 2", "/~=x", "/a~2=x"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_path path;

        assert_non_null(json_path_read(texts[i], &path));
        json_path_free(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_is_a_pointer_and_what_must_be_there),
        cmocka_unit_test(what_is_no_condition_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
