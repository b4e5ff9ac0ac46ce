/* SPDX-License-Identifier: MIT */
#include "ctl/dead/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void only_a_list_of_numbers_becomes_an_array(void **state)
{
    static const struct {
        const char *numbers, *array;
    } cases[] = {
        {"1", "{1}"},
        {"1,23,456", "{1,23,456}"},
        {"999999999999999999", "{999999999999999999}"},
        {"", NULL},
        {",", NULL},
        {"1,", NULL},
        {",1", NULL},
        {"1,,2", NULL},
        {"-1", NULL},
        {"1 ", NULL},
        {"1}", NULL},
        {"1000000000000000000", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};
        bool fits = deadfilter_append_array(&out, cases[i].numbers);

        assert_int_equal(fits, cases[i].array != NULL);
        if (fits) {
            assert_string_equal(buf_text(&out), cases[i].array);
        }
        buf_free(&out);
    }
}

static void all_or_any_single_option_chooses_and_neither_nor_both_do(void **state)
{
    struct deadfilter none = DEADFILTER_ANY;
    struct deadfilter some[8];

    (void)state;
    assert_false(deadfilter_chosen(&none));
    for (size_t i = 0; i < 8; i++) {
        some[i] = none;
    }
    some[0].source = "";
    some[1].id = "";
    some[2].verdict = "x";
    some[3].sqlstate = "x";
    some[4].dead_ids = "1";
    some[5].older_us = 0;
    some[6].newer_us = 0;
    some[7].reason = "x";
    for (size_t i = 0; i < 8; i++) {
        assert_true(deadfilter_chosen(&some[i]));
        some[i].all = true;
        assert_false(deadfilter_chosen(&some[i]));
    }
    none.all = true;
    assert_true(deadfilter_chosen(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_list_of_numbers_becomes_an_array),
        cmocka_unit_test(all_or_any_single_option_chooses_and_neither_nor_both_do),
    };

    return cmocka_run_group_tests_name("deadfilter", tests, NULL, NULL);
}
