/* SPDX-License-Identifier: MIT */
#include "ctl/overview/exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void samples_are_read_in_their_order(void **state)
{
    struct span rest = SPAN_LITERAL("# HELP a what it is\n# TYPE a counter\na 1\n\nb{x=\"1\"} 2.5e3\n"
                                    "c{x=\"1\",y=\"2\"} +Inf 1700000000\nd 4");
    struct sample sample;

    (void)state;
    assert_true(exposition_next(&rest, &sample));
    assert_true(span_equal(sample.name, SPAN_LITERAL("a")) && sample.labels.len == 0 && sample.value == 1);
    assert_true(exposition_next(&rest, &sample));
    assert_true(span_equal(sample.name, SPAN_LITERAL("b")) && sample.value == 2500);
    assert_true(exposition_next(&rest, &sample));
    assert_true(isinf(sample.value));
    assert_true(exposition_next(&rest, &sample));
    assert_true(span_equal(sample.name, SPAN_LITERAL("d")) && sample.value == 4);
    assert_false(exposition_next(&rest, &sample));
}

static void lines_that_are_no_samples_are_skipped(void **state)
{
    static const char *const lines[] = {"a",
                                        "a ",
                                        "a b",
                                        "{x=\"1\"} 2",
                                        " 1",
                                        "a{x=\"1\"",
                                        "a{x=\"}\" 1",
                                        "a 1x",
                                        "a{} ",
                                        "a{x=\"\\",
                                        "a 1234567890123456789012345678901234567890123456789012345678901234"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct span rest = span_of(lines[i]);
        struct sample sample;

        assert_false(exposition_next(&rest, &sample));
        assert_int_equal(rest.len, 0);
    }
}

static void a_label_has_any_text(void **state)
{
    struct span rest = SPAN_LITERAL("a{source=\"a\\\\b\\\"c\\nd}, e=\",empty=\"\",last=\"x\"} 1\n");
    struct sample sample;
    char value[32], small[4];

    (void)state;
    assert_true(exposition_next(&rest, &sample));
    assert_true(exposition_label(&sample, "source", value, sizeof value));
    assert_string_equal(value, "a\\b\"c\nd}, e=");
    assert_true(exposition_label(&sample, "source", small, sizeof small));
    assert_string_equal(small, "a\\b");
    assert_true(exposition_label(&sample, "last", value, sizeof value));
    assert_string_equal(value, "x");
    assert_true(exposition_label(&sample, "empty", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(exposition_label(&sample, "las", value, sizeof value));
    assert_string_equal(value, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_read_in_their_order),
        cmocka_unit_test(lines_that_are_no_samples_are_skipped),
        cmocka_unit_test(a_label_has_any_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
