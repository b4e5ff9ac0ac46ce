/* SPDX-License-Identifier: MIT */
#include "ctl/subcommand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_subcommands_come_in_the_order_of_their_names(void **state)
{
    const struct subcommand *before = subcommand_next(NULL), *after;
    size_t count = 1;

    (void)state;
    assert_non_null(before);
    while ((after = subcommand_next(before)) != NULL) {
        assert_true(strcmp(before->name, after->name) < 0);
        before = after;
        count++;
    }
    assert_true(count > 1);
}

static void each_is_found_by_its_one_or_two_words(void **state)
{
    char dead[] = "dead", list[] = "list", status[] = "status";
    int words = 0;

    (void)state;
    assert_string_equal(subcommand_find(2, (char *[]){dead, list}, &words)->name, "dead list");
    assert_int_equal(words, 2);
    assert_string_equal(subcommand_find(2, (char *[]){status, list}, &words)->name, "status");
    assert_int_equal(words, 1);
    assert_null(subcommand_find(1, (char *[]){dead}, &words));
    assert_null(subcommand_find(2, (char *[]){dead, status}, &words));
    assert_null(subcommand_find(0, NULL, &words));
}

static void a_group_is_the_subcommands_of_its_first_word(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_false(subcommand_append_group(&out, "status"));
    assert_true(subcommand_append_group(&out, "dead"));
    assert_non_null(strstr(buf_text(&out), "sluice dead list"));
    assert_null(strstr(buf_text(&out), "sluice status"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_subcommands_come_in_the_order_of_their_names),
        cmocka_unit_test(each_is_found_by_its_one_or_two_words),
        cmocka_unit_test(a_group_is_the_subcommands_of_its_first_word),
    };

    return cmocka_run_group_tests_name("subcommand", tests, NULL, NULL);
}
