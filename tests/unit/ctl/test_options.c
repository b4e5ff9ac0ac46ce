/* SPDX-License-Identifier: MIT */
#include "ctl/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct given {
    bool json;
    const char *source, *first, *second;
    int64_t limit, age_us;
};

static bool reads(struct given *g, int count, const char *const *arguments)
{
    const struct option_rule rules[] = {
        {"--json", OPTION_FLAG, &g->json, 0, 0},
        {"--source", OPTION_TEXT, &g->source, 0, 0},
        {"--limit", OPTION_NUMBER, &g->limit, 1, 10},
        {"--older-than", OPTION_DURATION, &g->age_us, 0, 90000000},
        {"FIRST", OPTION_OPERAND, &g->first, 0, 0},
        {"SECOND", OPTION_OPERAND, &g->second, 0, 0},
        {0},
    };
    char *copies[8];

    assert_true(count <= 8);
    for (int i = 0; i < count; i++) {
        copies[i] = (char *)(uintptr_t)arguments[i];
    }
    return options_read("test", rules, count, copies);
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
    assert_false(READS(&g, "--json", "-"));
    assert_int_equal(g.limit, 0);
    assert_false(READS(&g, "one", "two", "three"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_in_any_order_and_the_last_wins),
        cmocka_unit_test(what_fits_no_rule_is_refused),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
