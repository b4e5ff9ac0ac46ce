/* SPDX-License-Identifier: MIT */
#include "worker/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *sqlstate;
    enum verdict verdict;
} table[] = {
    {"", VERDICT_TRANSIENT},      {"08006", VERDICT_TRANSIENT}, {"08007", VERDICT_TRANSIENT},
    {"57P01", VERDICT_TRANSIENT}, {"57P02", VERDICT_TRANSIENT}, {"57P03", VERDICT_TRANSIENT},
    {"57P04", VERDICT_TRANSIENT}, {"57P05", VERDICT_TRANSIENT}, {"40001", VERDICT_TRANSIENT},
    {"40003", VERDICT_TRANSIENT}, {"40P01", VERDICT_TRANSIENT}, {"53100", VERDICT_TRANSIENT},
    {"53300", VERDICT_TRANSIENT}, {"55P03", VERDICT_TRANSIENT}, {"25006", VERDICT_TRANSIENT},
    {"58030", VERDICT_TRANSIENT}, {"28P01", VERDICT_OPERATOR},  {"28000", VERDICT_OPERATOR},
    {"3D000", VERDICT_OPERATOR},  {"3F000", VERDICT_OPERATOR},  {"23503", VERDICT_LATER},
    {"P0001", VERDICT_LATER},     {"22021", VERDICT_POISON},    {"22P05", VERDICT_POISON},
    {"23502", VERDICT_POISON},    {"23505", VERDICT_POISON},    {"23514", VERDICT_POISON},
    {"23P01", VERDICT_POISON},    {"54000", VERDICT_POISON},    {"42P01", VERDICT_UNCLEAR},
    {"42501", VERDICT_UNCLEAR},   {"0A000", VERDICT_UNCLEAR},   {"XX000", VERDICT_UNCLEAR},
    {"57014", VERDICT_UNCLEAR},   {"08P01", VERDICT_UNCLEAR},   {"ZZZZZ", VERDICT_UNCLEAR},
    {"23001", VERDICT_UNCLEAR},
};

static void every_code_of_the_design_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (verdict_of(table[i].sqlstate) != table[i].verdict) {
            fail_msg("%s is %s", table[i].sqlstate, verdict_name(verdict_of(table[i].sqlstate)));
        }
    }
}

static void an_unclear_code_is_the_events_own_when_others_were_stored(void **state)
{
    (void)state;
    assert_int_equal(verdict_settle("42P01", true, 0), VERDICT_LATER);
    assert_int_equal(verdict_settle("3F000", true, 0), VERDICT_LATER);
    assert_int_equal(verdict_settle("XX000", true, 3), VERDICT_LATER);
}

static void an_unclear_code_is_never_the_events_own_when_none_was_stored(void **state)
{
    (void)state;
    for (unsigned alone = 0; alone < 20; alone++) {
        assert_int_equal(verdict_settle("42P01", false, alone), VERDICT_OPERATOR);
        assert_int_equal(verdict_settle("XX000", false, alone), VERDICT_OPERATOR);
        assert_int_equal(verdict_settle("57014", false, alone), VERDICT_TRANSIENT);
        assert_int_equal(verdict_settle("08P01", false, alone), VERDICT_TRANSIENT);
    }
}

static void a_timeout_is_the_events_own_only_after_one_alone(void **state)
{
    (void)state;
    assert_int_equal(verdict_settle("57014", true, 0), VERDICT_TRANSIENT);
    assert_int_equal(verdict_settle("57014", true, 1), VERDICT_LATER);
    assert_int_equal(verdict_settle("08P01", true, 0), VERDICT_TRANSIENT);
    assert_int_equal(verdict_settle("08P01", true, 1), VERDICT_LATER);
}

static void what_ends_its_backend_alone_again_and_again_while_others_are_stored_is_to_blame(void **state)
{
    (void)state;
    assert_int_equal(verdict_settle("", true, 4), VERDICT_TRANSIENT);
    assert_int_equal(verdict_settle("", true, 5), VERDICT_LATER);
    assert_int_equal(verdict_settle("53200", true, 5), VERDICT_LATER);
    assert_int_equal(verdict_settle("", false, 50), VERDICT_TRANSIENT);
}

static void a_locked_row_is_never_the_events_fault(void **state)
{
    (void)state;
    assert_int_equal(verdict_settle("55P03", true, 1000), VERDICT_TRANSIENT);
}

static void a_clear_code_does_not_ask_the_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].verdict == VERDICT_LATER || table[i].verdict == VERDICT_POISON) {
            assert_int_equal(verdict_settle(table[i].sqlstate, true, 9), table[i].verdict);
            assert_int_equal(verdict_settle(table[i].sqlstate, false, 0), table[i].verdict);
        }
        assert_int_not_equal(verdict_settle(table[i].sqlstate, i % 2 == 0, 0), VERDICT_UNCLEAR);
    }
}

static void the_servers_trouble_is_everybodys_but_a_lock_or_a_statement_is_one_events(void **state)
{
    (void)state;
    assert_true(verdict_is_servers(""));
    assert_true(verdict_is_servers("53100"));
    assert_true(verdict_is_servers("57P01"));
    assert_true(verdict_is_servers("3D000"));
    assert_false(verdict_is_servers("55P03"));
    assert_false(verdict_is_servers("57014"));
    assert_false(verdict_is_servers("42P01"));
    assert_false(verdict_is_servers("23514"));
    assert_true(verdict_is_timeout("55P03"));
    assert_true(verdict_is_timeout("57014"));
    assert_false(verdict_is_timeout("40P01"));
}

static void after_a_failover_only_another_connection_helps(void **state)
{
    (void)state;
    assert_true(verdict_ends_session("25006"));
    assert_true(verdict_ends_session("57P04"));
    assert_true(verdict_ends_session("3D000"));
    assert_false(verdict_ends_session("53100"));
    assert_false(verdict_ends_session(""));
}

static void only_too_many_connections_means_no_place(void **state)
{
    (void)state;
    assert_true(verdict_is_no_place("53300"));
    assert_false(verdict_is_no_place("53400"));
    assert_false(verdict_is_no_place(""));
}

static void each_verdict_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(verdict_name(VERDICT_TRANSIENT), "transient");
    assert_string_equal(verdict_name(VERDICT_OPERATOR), "operator");
    assert_string_equal(verdict_name(VERDICT_LATER), "later");
    assert_string_equal(verdict_name(VERDICT_POISON), "poison");
    assert_string_equal(verdict_name(VERDICT_UNCLEAR), "unclear");
    assert_string_equal(verdict_name((enum verdict)99), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_the_design_has_its_verdict),
        cmocka_unit_test(an_unclear_code_is_the_events_own_when_others_were_stored),
        cmocka_unit_test(an_unclear_code_is_never_the_events_own_when_none_was_stored),
        cmocka_unit_test(a_timeout_is_the_events_own_only_after_one_alone),
        cmocka_unit_test(what_ends_its_backend_alone_again_and_again_while_others_are_stored_is_to_blame),
        cmocka_unit_test(a_locked_row_is_never_the_events_fault),
        cmocka_unit_test(a_clear_code_does_not_ask_the_others),
        cmocka_unit_test(the_servers_trouble_is_everybodys_but_a_lock_or_a_statement_is_one_events),
        cmocka_unit_test(after_a_failover_only_another_connection_helps),
        cmocka_unit_test(only_too_many_connections_means_no_place),
        cmocka_unit_test(each_verdict_has_a_name),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
