/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void know(const char *value)
{
    struct error error;

    assert_int_equal(secret_register(span_of(value), &error), ERROR_NONE);
}

static void assert_redacts(const char *text, size_t from, const char *expected)
{
    struct buf b = {0};

    buf_append_text(&b, text);
    secret_redact(&b, from);
    assert_string_equal(buf_text(&b), expected);
    buf_free(&b);
}

static void text_stays_as_it_is_without_secrets(void **state)
{
    (void)state;
    assert_redacts("hunter2 is unknown yet", 0, "hunter2 is unknown yet");
    assert_redacts("", 0, "");
}

static void every_secret_is_blanked_wherever_it_stands(void **state)
{
    (void)state;
    know("hunter2");
    know("a much longer secret than its mark");
    assert_redacts("hunter2", 0, "[redacted]");
    assert_redacts("<hunter2hunter2>", 0, "<[redacted][redacted]>");
    assert_redacts("x a much longer secret than its mark y hunter2", 0, "x [redacted] y [redacted]");
    assert_redacts("Hunter2 hunter", 0, "Hunter2 hunter");
}

static void what_stands_before_the_given_place_is_left(void **state)
{
    (void)state;
    know("hunter2");
    assert_redacts("hunter2 hunter2", 1, "hunter2 [redacted]");
    assert_redacts("hunter2", 7, "hunter2");
}

static void secrets_that_overlap_leave_no_rest(void **state)
{
    (void)state;
    know("abcd1234");
    know("1234wxyz");
    know("abcd1234+more");
    assert_redacts("-abcd1234wxyz-", 0, "-[redacted]-");
    assert_redacts("-abcd1234+more-", 0, "-[redacted]-");
    assert_redacts("-abcd1234+mor-", 0, "-[redacted]+mor-");
    know("oooo");
    assert_redacts("ooooooo", 0, "[redacted]");
}

static void a_secret_may_hold_any_bytes(void **state)
{
    struct error error;
    struct buf b = {0};

    (void)state;
    assert_int_equal(secret_register(SPAN_LITERAL("\0\xff\n\0"), &error), ERROR_NONE);
    buf_append_span(&b, SPAN_LITERAL("<\0\xff\n\0>"));
    secret_redact(&b, 0);
    assert_string_equal(buf_text(&b), "<[redacted]>");
    buf_free(&b);
}

static void values_under_four_bytes_are_not_remembered(void **state)
{
    (void)state;
    know("");
    know("the");
    assert_redacts("the other", 0, "the other");
}

static void a_buffer_without_memory_loses_text_rather_than_shows_it(void **state)
{
    struct buf b = {0};

    (void)state;
    know("hunter2");
    buf_append_text(&b, "say hunter2");
    b.failed = true;
    secret_redact(&b, 0);
    assert_int_equal(b.len, 4);
    buf_free(&b);
}

static void wiped_memory_holds_nothing(void **state)
{
    char secret[] = "hunter2";
    const char nothing[sizeof secret] = {0};

    (void)state;
    secret_wipe(secret, sizeof secret);
    assert_memory_equal(secret, nothing, sizeof secret);
    secret_wipe(NULL, 0);
}

static void secrets_made_for_development_are_known_by_their_beginning(void **state)
{
    (void)state;
    assert_true(secret_is_insecure(SPAN_LITERAL("insecure-dev-broker")));
    assert_false(secret_is_insecure(SPAN_LITERAL("insecure-de")));
    assert_false(secret_is_insecure(SPAN_LITERAL("x insecure-dev-broker")));
}

static void *redact_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        assert_redacts("a hunter2 here", 0, "a [redacted] here");
    }
    return NULL;
}

static void secrets_may_be_learnt_while_others_are_blanked(void **state)
{
    pthread_t thread;

    (void)state;
    know("hunter2");
    assert_int_equal(pthread_create(&thread, NULL, redact_often, NULL), 0);
    for (int i = 0; i < 500; i++) {
        char value[32];

        (void)snprintf(value, sizeof value, "learnt while running %d", i);
        know(value);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Must run last: it fills the list of secrets. */
static void a_secret_past_the_limit_is_refused(void **state)
{
    struct error error = {0};
    enum error_code code = ERROR_NONE;
    char value[32];
    int taken = 0;

    (void)state;
    while (code == ERROR_NONE && taken < 5000) {
        (void)snprintf(value, sizeof value, "secret number %d", taken);
        code = secret_register(span_of(value), &error);
        taken += code == ERROR_NONE;
    }
    assert_int_equal(code, ERROR_LIMIT);
    assert_non_null(strstr(error.text, "4096"));
    know("hunter2"); /* already registered */
    assert_redacts("secret number 0", 0, "[redacted]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_as_it_is_without_secrets),
        cmocka_unit_test(every_secret_is_blanked_wherever_it_stands),
        cmocka_unit_test(what_stands_before_the_given_place_is_left),
        cmocka_unit_test(secrets_that_overlap_leave_no_rest),
        cmocka_unit_test(a_secret_may_hold_any_bytes),
        cmocka_unit_test(values_under_four_bytes_are_not_remembered),
        cmocka_unit_test(a_buffer_without_memory_loses_text_rather_than_shows_it),
        cmocka_unit_test(wiped_memory_holds_nothing),
        cmocka_unit_test(secrets_made_for_development_are_known_by_their_beginning),
        cmocka_unit_test(secrets_may_be_learnt_while_others_are_blanked),
        cmocka_unit_test(a_secret_past_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
