/* SPDX-License-Identifier: MIT */
#include "ctl/setup/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool same(const char *wanted, const char *existing)
{
    cJSON *w = cJSON_Parse(wanted), *e = cJSON_Parse(existing);
    bool is;

    assert_non_null(w);
    assert_non_null(e);
    is = access_same(w, e);
    cJSON_Delete(w);
    cJSON_Delete(e);
    return is;
}

static void what_is_there_may_say_more_but_nothing_else(void **state)
{
    (void)state;
    assert_true(same("{}", "{\"name\":\"sluice\"}"));
    assert_true(same("{\"pattern\":\"^a$\",\"definition\":{\"b\":2,\"a\":1}}",
                     "{\"priority\":0,\"definition\":{\"a\":1,\"b\":2},\"pattern\":\"^a$\"}"));
    assert_false(same("{\"pattern\":\"^a$\"}", "{\"pattern\":\"^b$\"}"));
    assert_false(same("{\"pattern\":\"^a$\"}", "{}"));
    assert_false(same("{\"definition\":{\"a\":1}}", "{\"definition\":{\"a\":1,\"b\":2}}"));
    assert_false(same("{\"definition\":{\"a\":1}}", "{\"definition\":{\"a\":2}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_may_say_more_but_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
