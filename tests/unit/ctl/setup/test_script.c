/* SPDX-License-Identifier: MIT */
#include "ctl/setup/script.h"

#include "ctl/setup/migrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void migrations_are_in_the_order_of_their_numbers(void **state)
{
    (void)state;
    assert_non_null(migrations[0].name);
    for (const struct migration *m = migrations; m->name != NULL; m++) {
        assert_int_equal(strlen((const char *)m->sql), m->len);
        assert_true(m->len > 0);
        assert_true(m == migrations || strcmp(m[-1].name, m->name) < 0);
    }
    assert_int_equal(strlen((const char *)migrate_roles.sql), migrate_roles.len);
}

static void script_holds_every_migration_with_its_hash_and_no_password(void **state)
{
    struct buf script = {0};
    const char *text;

    (void)state;
    script_append(&script, 7);
    text = buf_text(&script);
    for (const struct migration *m = migrations; m->name != NULL; m++) {
        char hex[MIGRATE_SHA256_HEX + 1];

        migrate_sha256(m, hex);
        assert_non_null(strstr(text, (const char *)m->sql));
        assert_non_null(strstr(text, hex));
    }
    assert_non_null(strstr(text, (const char *)migrate_roles.sql));
    assert_non_null(strstr(text, "\\set budget 7\n"));
    assert_non_null(strstr(text, (const char *)migrate_schema.sql));
    assert_non_null(strstr(text, "alter role sluice_worker login connection limit :budget;"));
    assert_non_null(
        strstr(text, "\\if :{?worker_password}\nalter role sluice_worker password :'worker_password';"));
    assert_non_null(strstr(text, "\\set worker_password `cat \"$SETUP_WORKER_DATABASE_PASSWORD_FILE\"`\n"));
    assert_non_null(strstr(text, "\\set reader_password `cat \"$SETUP_READER_DATABASE_PASSWORD_FILE\"`\n"));
    assert_null(strstr(text, "psql -v"));
    buf_free(&script);
}

static void script_keeps_or_chooses_the_budget_where_none_is_given(void **state)
{
    struct buf script = {0};

    (void)state;
    script_append(&script, 0);
    assert_non_null(strstr(buf_text(&script), "rolconnlimit >= 0), least(20, :available / 2)) as budget"));
    buf_free(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations_are_in_the_order_of_their_numbers),
        cmocka_unit_test(script_holds_every_migration_with_its_hash_and_no_password),
        cmocka_unit_test(script_keeps_or_chooses_the_budget_where_none_is_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
