/* SPDX-License-Identifier: MIT */
#include "ctl/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct config_setting *const tables[] = {settings_setup, settings_status, settings_verify,
                                                      settings_route, settings_reader, settings_owner,
                                                      settings_mover, settings_console};
#define TABLES (sizeof tables / sizeof tables[0])

/* Number of lines in the table for this setting. */
static size_t lines_of(const char *table, const char *name)
{
    size_t count = 0;

    for (const char *line = table; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t len = strlen(name);

        count += strncmp(line, name, len) == 0 && line[len] == '\t';
    }
    return count;
}

static void all_settings_are_listed_once(void **state)
{
    struct buf out = {0};
    const char *table;

    (void)state;
    settings_print_all(&out);
    table = buf_text(&out);
    for (size_t t = 0; t < TABLES; t++) {
        for (const struct config_setting *s = tables[t]; s->name != NULL; s++) {
            assert_int_equal(lines_of(table, s->name), 1);
        }
    }
    assert_int_equal(lines_of(table, "NOT_A_SETTING"), 0);
    buf_free(&out);
}

static void every_password_is_a_secret(void **state)
{
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        for (const struct config_setting *s = tables[t]; s->name != NULL; s++) {
            assert_int_equal(s->secret,
                             strstr(s->name, "PASSWORD") != NULL || strstr(s->name, "TOKEN") != NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_settings_are_listed_once),
        cmocka_unit_test(every_password_is_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
