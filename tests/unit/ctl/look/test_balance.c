/* SPDX-License-Identifier: MIT */
#include "ctl/look/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct ledger_line line_of(enum ledger_fact fact, const char *source, const char *id, const char *hash)
{
    return (struct ledger_line){fact, span_of(source), span_of(id), span_of(hash)};
}

static void suspect(struct balance *b, struct ledger_line line, const char *found)
{
    assert_int_equal(balance_suspect(b, &line, span_of(found), NULL), ERROR_NONE);
}

static void show(struct balance *b, struct ledger_line line)
{
    balance_show(b, &line);
}

static void body_that_another_line_sent_is_accounted_for(void **state)
{
    static const enum ledger_fact accounts[] = {LEDGER_ACKED, LEDGER_UNKNOWN, LEDGER_SENT};

    (void)state;
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        struct balance b = {0};

        suspect(&b, line_of(LEDGER_ACKED, "default", "e1", A), B);
        balance_sort(&b);
        show(&b, line_of(LEDGER_ACKED, "default", "e1", A));
        assert_int_equal(balance_verdict(&b.suspects[0]), BALANCE_FOREIGN);
        show(&b, line_of(accounts[i], "default", "e1", B));
        assert_int_equal(balance_verdict(&b.suspects[0]), BALANCE_ACCOUNTED);
        balance_free(&b);
    }
}

static void same_body_of_another_id_or_source_accounts_for_nothing(void **state)
{
    struct balance b = {0};

    (void)state;
    suspect(&b, line_of(LEDGER_ACKED, "default", "e1", A), B);
    balance_sort(&b);
    show(&b, line_of(LEDGER_ACKED, "default", "e2", B));
    show(&b, line_of(LEDGER_ACKED, "github", "e1", B));
    show(&b, line_of(LEDGER_ACKED, "default", "e", B));
    assert_int_equal(balance_verdict(&b.suspects[0]), BALANCE_FOREIGN);
    balance_free(&b);
}

static void body_that_was_only_ever_refused_is_told_apart(void **state)
{
    struct balance b = {0};

    (void)state;
    suspect(&b, line_of(LEDGER_REFUSED, "default", "e1", A), A);
    balance_sort(&b);
    show(&b, line_of(LEDGER_SENT, "default", "e1", A));
    show(&b, line_of(LEDGER_REFUSED, "default", "e1", A));
    assert_int_equal(balance_verdict(&b.suspects[0]), BALANCE_REFUSED);
    /* Sent once more by a sender that was killed before the reply. */
    show(&b, line_of(LEDGER_SENT, "default", "e1", A));
    assert_int_equal(balance_verdict(&b.suspects[0]), BALANCE_ACCOUNTED);
    balance_free(&b);
}

static void equal_suspects_become_one_that_counts_their_lines(void **state)
{
    struct balance b = {0};
    size_t acked = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "e%d", i % 7);
        suspect(&b, line_of(i % 2 == 0 ? LEDGER_ACKED : LEDGER_REFUSED, "default", id, A), B);
    }
    balance_sort(&b);
    assert_int_equal(b.count, 7);
    for (size_t i = 0; i < b.count; i++) {
        acked += b.suspects[i].acked;
        assert_true(i == 0 || strcmp(b.suspects[i - 1].id, b.suspects[i].id) < 0);
    }
    assert_int_equal(acked, 150);
    balance_free(&b);
}

static void no_suspects_is_fine(void **state)
{
    struct balance b = {0};

    (void)state;
    balance_sort(&b);
    show(&b, line_of(LEDGER_ACKED, "default", "e1", A));
    assert_int_equal(b.count, 0);
    balance_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_that_another_line_sent_is_accounted_for),
        cmocka_unit_test(same_body_of_another_id_or_source_accounts_for_nothing),
        cmocka_unit_test(body_that_was_only_ever_refused_is_told_apart),
        cmocka_unit_test(equal_suspects_become_one_that_counts_their_lines),
        cmocka_unit_test(no_suspects_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
