/* SPDX-License-Identifier: MIT */
#include "ctl/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of no bytes */

static void a_line_reads_back_as_it_was_written(void **state)
{
    (void)state;
    for (int fact = 0; fact < LEDGER_FACTS; fact++) {
        struct ledger_line line = {(enum ledger_fact)fact, SPAN_LITERAL("default"),
                                   SPAN_LITERAL("evt 1\"\\\xc3\xa9"), SPAN_LITERAL(HASH)};
        struct ledger_line read;
        struct buf text = {0};

        ledger_append(&text, &line);
        assert_int_equal(text.data[text.len - 1], '\n');
        text.len--;
        assert_true(ledger_parse(buf_span(&text), &read));
        assert_int_equal(read.fact, fact);
        assert_true(span_equal(read.source, line.source));
        assert_true(span_equal(read.id, line.id));
        assert_true(span_equal(read.sha256, line.sha256));
        buf_free(&text);
    }
}

static void anything_else_is_no_line(void **state)
{
    static const char *const texts[] = {
        "",
        "\t\t\t",
        "sent",
        "sent\tdefault\tid",
        "sent\tdefault\tid\t",
        "SENT\tdefault\tid\t" HASH,
        "lost\tdefault\tid\t" HASH,
        "sent\t\tid\t" HASH,
        "sent\tdefault\t\t" HASH,
        "sent\tdefault\tid\t" HASH "0",
        "sent\tdefault\tid\t" HASH "\t",
        "sent\tdefault\tid\t" HASH "\r",
        "sent\tdefault\tid\tE3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sent\tdefault\t\xff\t" HASH,
        "sent default id " HASH,
    };
    struct ledger_line line;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(ledger_parse(span_of(texts[i]), &line));
    }
    assert_false(
        ledger_parse((struct span){"sent\tdefault\ti\0d\t" HASH, 16 + 1 + LEDGER_SHA256_HEX}, &line));
    assert_false(ledger_parse((struct span){NULL, 0}, &line));
}

static void only_2xx_is_acked_and_only_4xx_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ledger_outcome(200), LEDGER_ACKED);
    assert_int_equal(ledger_outcome(299), LEDGER_ACKED);
    assert_int_equal(ledger_outcome(400), LEDGER_REFUSED);
    assert_int_equal(ledger_outcome(499), LEDGER_REFUSED);
    assert_int_equal(ledger_outcome(0), LEDGER_UNKNOWN);
    assert_int_equal(ledger_outcome(100), LEDGER_UNKNOWN);
    assert_int_equal(ledger_outcome(302), LEDGER_UNKNOWN);
    assert_int_equal(ledger_outcome(500), LEDGER_UNKNOWN);
    assert_int_equal(ledger_outcome(503), LEDGER_UNKNOWN);
}

static void hash_is_sha256_in_lower_case(void **state)
{
    char hex[LEDGER_SHA256_HEX + 1];

    (void)state;
    ledger_sha256((struct span){NULL, 0}, hex);
    assert_string_equal(hex, HASH);
    ledger_sha256(SPAN_LITERAL("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_reads_back_as_it_was_written),
        cmocka_unit_test(anything_else_is_no_line),
        cmocka_unit_test(only_2xx_is_acked_and_only_4xx_is_refused),
        cmocka_unit_test(hash_is_sha256_in_lower_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
