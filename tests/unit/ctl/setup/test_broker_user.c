/* SPDX-License-Identifier: MIT */
#include "ctl/setup/broker_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RabbitMQ 3.10's hash of the password "setuppw". */
#define HASH "CwUycbi9x689/1YIKfm9Cmw/cFulhRZPJgT9wZ0Go+C3HbhJ"

static void hash_of_the_broker_matches_its_password_only(void **state)
{
    (void)state;
    assert_true(broker_user_hash_matches(HASH, "setuppw"));
    assert_false(broker_user_hash_matches(HASH, "setuppW"));
    assert_false(broker_user_hash_matches(HASH, "setuppw2"));
    assert_false(broker_user_hash_matches(HASH, ""));
}

static void what_is_no_hash_matches_nothing(void **state)
{
    (void)state;
    assert_false(broker_user_hash_matches("", ""));
    assert_false(broker_user_hash_matches("CwUycbi9", "setuppw"));
    assert_false(broker_user_hash_matches(HASH "AAAA", "setuppw"));
    assert_false(broker_user_hash_matches("!!!!cbi9x689/1YIKfm9Cmw/cFulhRZPJgT9wZ0Go+C3HbhJ", "setuppw"));
}

static bool tagged(const char *user, const char *tag)
{
    cJSON *parsed = cJSON_Parse(user);
    bool is;

    assert_non_null(parsed);
    is = broker_user_has_tag(parsed, tag);
    cJSON_Delete(parsed);
    return is;
}

static void a_user_has_its_one_tag_or_none(void **state)
{
    (void)state;
    assert_true(tagged("{\"tags\":[]}", NULL));
    assert_true(tagged("{\"tags\":[\"monitoring\"]}", "monitoring"));
    assert_false(tagged("{\"tags\":[\"monitoring\"]}", NULL));
    assert_false(tagged("{\"tags\":[]}", "monitoring"));
    assert_false(tagged("{\"tags\":[\"administrator\"]}", "monitoring"));
    assert_false(tagged("{\"tags\":[\"monitoring\",\"administrator\"]}", "monitoring"));
    assert_false(tagged("{\"tags\":[1]}", "monitoring"));
}

static void assert_member(const cJSON *user, const char *name, const char *value)
{
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(user, name)), value);
}

static void a_user_keeps_its_hash_unless_a_password_is_given(void **state)
{
    cJSON *existing = cJSON_Parse("{\"password_hash\":\"" HASH
                                  "\",\"hashing_algorithm\":\"rabbit_password_hashing_sha256\"}");
    cJSON *kept = broker_user_wanted(existing, "", "monitoring"),
          *given = broker_user_wanted(existing, "new", NULL);

    (void)state;
    assert_member(kept, "password_hash", HASH);
    assert_member(kept, "hashing_algorithm", "rabbit_password_hashing_sha256");
    assert_member(kept, "tags", "monitoring");
    assert_member(given, "password", "new");
    assert_member(given, "tags", "");
    assert_null(cJSON_GetObjectItemCaseSensitive(given, "password_hash"));
    assert_true(broker_user_has_password(existing, ""));
    assert_true(broker_user_has_password(existing, "setuppw"));
    assert_false(broker_user_has_password(existing, "new"));
    cJSON_Delete(existing);
    cJSON_Delete(kept);
    cJSON_Delete(given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_of_the_broker_matches_its_password_only),
        cmocka_unit_test(what_is_no_hash_matches_nothing),
        cmocka_unit_test(a_user_has_its_one_tag_or_none),
        cmocka_unit_test(a_user_keeps_its_hash_unless_a_password_is_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
