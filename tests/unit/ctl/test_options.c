/* SPDX-License-Identifier: MIT */
#include "ctl/options.h"
#include "ctl/subcommand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct given {
    bool json;
    const char *source, *first, *second;
    int64_t limit, age_us;
    struct option_texts texts;
};

#define AT(member) offsetof(struct given, member)

static const struct option_rule rules[] = {
    {"--json", OPTION_FLAG, AT(json), NULL, "as JSON", 0, 0},
    {"--source", OPTION_TEXT, AT(source), "NAME", "of this source,\nif any", 0, 0},
    {"", OPTION_REMARK, 0, NULL, "\nAnd:\n", 0, 0},
    {"--limit", OPTION_NUMBER, AT(limit), "N", "at most so many", 1, 10},
    {"--older-than", OPTION_DURATION, AT(age_us), "AGE", NULL, 0, 90000000},
    {"FIRST", OPTION_OPERAND, AT(first), NULL, NULL, 0, 0},
    {"SECOND", OPTION_OPERAND, AT(second), NULL, NULL, 0, 0},
    {"--text", OPTION_TEXTS, AT(texts), "TEXT", NULL, 0, 0},
    OPTION_END,
};

static bool reads(struct given *g, int count, const char *const *arguments)
{
    char name[] = "test", *copies[9] = {name};

    assert_true(count <= 8);
    for (int i = 0; i < count; i++) {
        copies[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    return options_read("test", rules, g, count + 1, copies);
}

#define READS(given, ...)                                                         \
    reads((given), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
          (const char *[]){__VA_ARGS__})

static void every_kind_is_read_in_any_order_and_the_last_wins(void **state)
{
    struct given g = {.limit = 5};

    (void)state;
    assert_true(reads(&g, 0, NULL));
    assert_int_equal(g.limit, 5);
    assert_true(READS(&g, "one", "--limit", "7", "--source", "--json", "two"));
    assert_int_equal(g.limit, 7);
    assert_string_equal(g.source, "--json");
    assert_false(g.json);
    assert_string_equal(g.first, "one");
    assert_string_equal(g.second, "two");
    assert_true(READS(&g, "--json", "--older-than", "1min", "--limit", "1", "--limit", "10"));
    assert_true(g.json);
    assert_int_equal(g.limit, 10);
    assert_int_equal(g.age_us, 60000000);
    assert_true(READS(&g, "--source=a=b", "--limit=3"));
    assert_string_equal(g.source, "a=b");
    assert_int_equal(g.limit, 3);
}

static void after_two_dashes_all_are_operands(void **state)
{
    struct given g = {0};

    (void)state;
    assert_true(READS(&g, "--json", "--", "--limit", "-x"));
    assert_true(g.json);
    assert_string_equal(g.first, "--limit");
    assert_string_equal(g.second, "-x");
}

static void an_abbreviation_is_no_option(void **state)
{
    struct given g = {0};

    (void)state;
    assert_false(READS(&g, "--js"));
    assert_false(READS(&g, "--lim", "5"));
    assert_false(READS(&g, "--lim=5"));
    assert_false(READS(&g, "--"
                           "="));
    assert_false(g.json);
    assert_int_equal(g.limit, 0);
}

static void help_has_a_line_for_each_option_and_remarks_between(void **state)
{
    struct buf out = {0};

    (void)state;
    options_append_help(rules, &out);
    assert_string_equal(buf_text(&out), "  --json            as JSON\n"
                                        "  --source NAME     of this source,\n"
                                        "                    if any\n"
                                        "\n"
                                        "And:\n"
                                        "  --limit N         at most so many\n");
    buf_free(&out);
}

/* A row beyond OPTIONS_MAX would be shown by --help but not be accepted. */
static void every_subcommands_table_is_whole(void **state)
{
    (void)state;
    for (const struct subcommand *s = NULL; (s = subcommand_next(s)) != NULL;) {
        size_t count = 0;

        for (const struct option_rule *r = s->options; r->name != NULL; r++) {
            bool option = r->kind != OPTION_OPERAND && r->kind != OPTION_REMARK;

            assert_true(!option || strncmp(r->name, "--", 2) == 0);
            assert_true(!option || r->help != NULL);
            assert_int_equal(option && r->kind != OPTION_FLAG, r->value != NULL);
            count++;
        }
        assert_true(count <= OPTIONS_MAX);
    }
}

static void what_fits_no_rule_is_refused(void **state)
{
    struct given g = {0};

    (void)state;
    assert_false(READS(&g, "--jsonx"));
    assert_false(READS(&g, "--limit"));
    assert_false(READS(&g, "--limit", "0"));
    assert_false(READS(&g, "--limit", "11"));
    assert_false(READS(&g, "--limit", "x"));
    assert_false(READS(&g, "--limit", ""));
    assert_false(READS(&g, "--older-than", "5"));
    assert_false(READS(&g, "--older-than", "2min"));
    assert_false(READS(&g, "--json=yes"));
    assert_false(READS(&g, "-j"));
    assert_false(READS(&g, "--json", "-"));
    assert_int_equal(g.limit, 0);
    assert_false(READS(&g, "one", "two", "three"));
}

static void an_option_that_may_be_repeated_keeps_all_values_up_to_a_limit(void **state)
{
    struct given g = {.limit = 5};

    (void)state;
    assert_true(READS(&g, "--text", "a", "--text=b", "--text", "a"));
    assert_int_equal(g.texts.count, 3);
    assert_string_equal(g.texts.values[1], "b");
    assert_string_equal(g.texts.values[2], "a");
    while (g.texts.count < OPTION_TEXTS_MAX) {
        assert_true(READS(&g, "--text", "a"));
    }
    assert_false(READS(&g, "--text", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_that_may_be_repeated_keeps_all_values_up_to_a_limit),
        cmocka_unit_test(every_kind_is_read_in_any_order_and_the_last_wins),
        cmocka_unit_test(after_two_dashes_all_are_operands),
        cmocka_unit_test(an_abbreviation_is_no_option),
        cmocka_unit_test(what_fits_no_rule_is_refused),
        cmocka_unit_test(help_has_a_line_for_each_option_and_remarks_between),
        cmocka_unit_test(every_subcommands_table_is_whole),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
