/* SPDX-License-Identifier: MIT */
#include "ctl/setup/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void left_is_what_no_one_has_reserved(void **state)
{
    (void)state;
    assert_int_equal(budget_available(&(struct budget_limits){100, 3, 0}), 97);
    assert_int_equal(budget_available(&(struct budget_limits){100, 3, 10}), 87);
    assert_int_equal(budget_available(&(struct budget_limits){3, 3, 2}), -2);
}

static void chosen_budget_is_half_of_what_is_left_and_at_most_20(void **state)
{
    const struct {
        struct budget_limits limits;
        int64_t budget;
    } cases[] = {{{100, 3, 0}, 20}, {{43, 3, 0}, 20}, {{42, 3, 0}, 19}, {{20, 3, 3}, 7}, {{5, 3, 0}, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t budget = -1;

        assert_int_equal(budget_choose(&cases[i].limits, 0, -1, &budget, NULL), ERROR_NONE);
        assert_int_equal(budget, cases[i].budget);
    }
}

static void wanted_budget_stands_up_to_one_below_what_is_left(void **state)
{
    const struct budget_limits limits = {100, 3, 7};
    int64_t budget = -1;

    (void)state;
    assert_int_equal(budget_choose(&limits, 1, -1, &budget, NULL), ERROR_NONE);
    assert_int_equal(budget, 1);
    assert_int_equal(budget_choose(&limits, 89, -1, &budget, NULL), ERROR_NONE);
    assert_int_equal(budget, 89);
}

static void unsafe_budget_is_refused_with_all_the_numbers(void **state)
{
    static const char *const numbers[] = {"DATABASE_BUDGET is 90", "below 90", "max_connections 100",
                                          "superuser_reserved_connections 3", "reserved_connections 7"};
    const struct budget_limits limits = {100, 3, 7};
    struct error error = {0};
    int64_t budget = -1;

    (void)state;
    assert_int_equal(budget_choose(&limits, 90, -1, &budget, &error), ERROR_SETTING);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_non_null(strstr(error.text, numbers[i]));
    }
    assert_int_equal(budget_choose(&limits, 500, -1, &budget, &error), ERROR_SETTING);
    assert_int_equal(budget, -1);
}

static void unset_keeps_what_the_role_has_unless_that_is_unsafe(void **state)
{
    const struct budget_limits limits = {100, 3, 0};
    struct error error = {0};
    int64_t budget = -1;

    (void)state;
    assert_int_equal(budget_choose(&limits, 0, 5, &budget, NULL), ERROR_NONE);
    assert_int_equal(budget, 5);
    assert_int_equal(budget_choose(&limits, 0, 0, &budget, NULL), ERROR_NONE);
    assert_int_equal(budget, 0);
    assert_int_equal(budget_choose(&limits, 7, 5, &budget, NULL), ERROR_NONE);
    assert_int_equal(budget, 7);
    assert_int_equal(budget_choose(&limits, 0, 97, &budget, &error), ERROR_SETTING);
    assert_non_null(
        strstr(error.text, "DATABASE_BUDGET is 97 (unset: the connection limit that sluice_worker has)"));
    assert_non_null(strstr(error.text, "below 97"));
    assert_int_equal(budget, 7);
}

static void server_without_room_for_one_is_refused_even_when_it_may_be_chosen(void **state)
{
    struct error error = {0};
    int64_t budget = -1;

    (void)state;
    assert_int_equal(budget_choose(&(struct budget_limits){4, 3, 0}, 0, -1, &budget, &error), ERROR_SETTING);
    assert_int_equal(budget_choose(&(struct budget_limits){3, 3, 2}, 0, -1, &budget, &error), ERROR_SETTING);
    assert_int_equal(budget, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_is_what_no_one_has_reserved),
        cmocka_unit_test(chosen_budget_is_half_of_what_is_left_and_at_most_20),
        cmocka_unit_test(wanted_budget_stands_up_to_one_below_what_is_left),
        cmocka_unit_test(unsafe_budget_is_refused_with_all_the_numbers),
        cmocka_unit_test(unset_keeps_what_the_role_has_unless_that_is_unsafe),
        cmocka_unit_test(server_without_room_for_one_is_refused_even_when_it_may_be_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
