/* SPDX-License-Identifier: MIT */
#include "../../../ctl/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool listed(const struct config_setting *table, const char *name)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void all_settings_are_listed_once(void **state)
{
    const struct config_setting *const tables[] = {settings_setup,  settings_status, settings_verify,
                                                   settings_reader, settings_owner,  settings_mover};
    const struct config_setting *all = settings_all();

    (void)state;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct config_setting *s = tables[t]; s->name != NULL; s++) {
            assert_true(listed(all, s->name));
        }
    }
    for (; all->name != NULL; all++) {
        assert_false(listed(all + 1, all->name));
    }
}

static void every_password_is_a_secret(void **state)
{
    (void)state;
    for (const struct config_setting *s = settings_all(); s->name != NULL; s++) {
        assert_int_equal(s->secret, strstr(s->name, "PASSWORD") != NULL);
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
