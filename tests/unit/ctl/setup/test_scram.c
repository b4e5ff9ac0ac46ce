/* SPDX-License-Identifier: MIT */
#include "ctl/setup/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Postgres 15's verifier of the password "pencil". */
#define SALT "P+5yyXihGHu7HNhnHuM8XQ=="
#define KEYS "YkTZE4z7KqpmEZc2wsgh6VbkBbuvlFU11JuQPtX8Lx0=:WintYWl9CKkGmraX2HwdagkaSInsXYssNydhETZqT/Q="

static void verifier_of_postgres_matches_its_password_only(void **state)
{
    static const char verifier[] = "SCRAM-SHA-256$4096:" SALT "$" KEYS;

    (void)state;
    assert_true(scram_matches(verifier, "pencil"));
    assert_false(scram_matches(verifier, "Pencil"));
    assert_false(scram_matches(verifier, "pencil "));
    assert_false(scram_matches(verifier, ""));
}

static void other_iterations_or_another_salt_are_another_verifier(void **state)
{
    (void)state;
    assert_false(scram_matches("SCRAM-SHA-256$4097:" SALT "$" KEYS, "pencil"));
    assert_false(scram_matches("SCRAM-SHA-256$4096:Q+5yyXihGHu7HNhnHuM8XQ==$" KEYS, "pencil"));
}

static void what_is_no_verifier_matches_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "pencil",
        "md5d41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-256$4096:" SALT,
        "SCRAM-SHA-256$0:" SALT "$" KEYS,
        "SCRAM-SHA-256$-1:" SALT "$" KEYS,
        "SCRAM-SHA-256$999999999:" SALT "$" KEYS,
        "SCRAM-SHA-256$4096:!!!!$" KEYS,
        "SCRAM-SHA-256$4096:" SALT "$AAAA:AAAA",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(scram_matches(texts[i], "pencil"));
        assert_false(scram_matches(texts[i], ""));
    }
}

static void parts_that_are_far_too_long_match_nothing(void **state)
{
    char text[1024];

    (void)state;
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "SCRAM-SHA-256$4096:", strlen("SCRAM-SHA-256$4096:"));
    text[300] = '$';
    text[600] = ':';
    assert_false(scram_matches(text, "pencil"));
}

static void password_that_scram_would_normalise_matches_nothing(void **state)
{
    (void)state;
    assert_false(scram_matches("SCRAM-SHA-256$4096:" SALT "$" KEYS, "p\xc3\xa9ncil"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifier_of_postgres_matches_its_password_only),
        cmocka_unit_test(other_iterations_or_another_salt_are_another_verifier),
        cmocka_unit_test(what_is_no_verifier_matches_nothing),
        cmocka_unit_test(parts_that_are_far_too_long_match_nothing),
        cmocka_unit_test(password_that_scram_would_normalise_matches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
