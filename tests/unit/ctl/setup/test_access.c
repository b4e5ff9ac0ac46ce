/* SPDX-License-Identifier: MIT */
#include "ctl/setup/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RabbitMQ 3.10's hash of the password "setuppw". */
#define HASH "CwUycbi9x689/1YIKfm9Cmw/cFulhRZPJgT9wZ0Go+C3HbhJ"

static void hash_of_the_broker_matches_its_password_only(void **state)
{
    (void)state;
    assert_true(access_hash_matches(HASH, "setuppw"));
    assert_false(access_hash_matches(HASH, "setuppW"));
    assert_false(access_hash_matches(HASH, "setuppw2"));
    assert_false(access_hash_matches(HASH, ""));
}

static void what_is_no_hash_matches_nothing(void **state)
{
    (void)state;
    assert_false(access_hash_matches("", ""));
    assert_false(access_hash_matches("CwUycbi9", "setuppw"));
    assert_false(access_hash_matches(HASH "AAAA", "setuppw"));
    assert_false(access_hash_matches("!!!!cbi9x689/1YIKfm9Cmw/cFulhRZPJgT9wZ0Go+C3HbhJ", "setuppw"));
}

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
        cmocka_unit_test(hash_of_the_broker_matches_its_password_only),
        cmocka_unit_test(what_is_no_hash_matches_nothing),
        cmocka_unit_test(what_is_there_may_say_more_but_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
