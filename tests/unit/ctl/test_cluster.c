/* SPDX-License-Identifier: MIT */
#include "ctl/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct cluster_queue queue_of(cJSON **entry, const char *json)
{
    *entry = cJSON_Parse(json);
    return cluster_queue_of(*entry);
}

static void brokers_add_members_by_themselves_from_3_13_on(void **state)
{
    (void)state;
    assert_true(cluster_version_grows("3.13.0"));
    assert_true(cluster_version_grows("4.0.5"));
    assert_true(cluster_version_grows("10.1"));
    assert_true(cluster_version_grows("4"));
    assert_false(cluster_version_grows("3.12.14"));
    assert_false(cluster_version_grows("3.9.1"));
    assert_false(cluster_version_grows("3"));
    assert_false(cluster_version_grows("odd"));
    assert_false(cluster_version_grows(""));
    assert_false(cluster_version_grows(NULL));
}

static void a_queue_needs_a_member_on_each_node_but_no_more_than_three(void **state)
{
    (void)state;
    assert_int_equal(cluster_members_wanted(0), 0);
    assert_int_equal(cluster_members_wanted(1), 1);
    assert_int_equal(cluster_members_wanted(2), 2);
    assert_int_equal(cluster_members_wanted(3), 3);
    assert_int_equal(cluster_members_wanted(7), 3);
}

static void assert_queue(const char *json, const char *leader, bool lacks_majority, bool lacks_members)
{
    cJSON *entry;
    struct cluster_queue queue = queue_of(&entry, json);

    assert_string_equal(queue.leader, leader);
    assert_int_equal(cluster_lacks_majority(&queue), lacks_majority);
    assert_int_equal(cluster_lacks_members(&queue, 3), lacks_members);
    cJSON_Delete(entry);
}

static void a_queue_needs_more_than_half_of_its_members_online(void **state)
{
    (void)state;
    assert_queue("{\"leader\":\"a\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[\"a\",\"b\",\"c\"]}", "a",
                 false, false);
    assert_queue("{\"leader\":\"a\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[\"a\",\"b\"]}", "a", false,
                 false);
    assert_queue("{\"leader\":\"a\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[\"a\"]}", "a", true, false);
    assert_queue("{\"leader\":\"\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[]}", "", true, false);
    assert_queue("{\"members\":[\"a\",\"b\"],\"online\":[\"a\"]}", "", true, true);
    assert_queue("{\"leader\":\"a\",\"members\":[\"a\"],\"online\":[\"a\"]}", "a", false, true);
}

static void what_is_not_reported_is_no_lack(void **state)
{
    (void)state;
    assert_queue("{}", "", false, false);
    assert_queue("{\"members\":[]}", "", false, false);
    assert_queue("null", "", false, false);
}

static void assert_names(const char *json, const char *wanted)
{
    cJSON *names = json == NULL ? NULL : cJSON_Parse(json);
    struct buf text = {0};

    cluster_append_names(&text, names);
    assert_string_equal(buf_text(&text), wanted);
    buf_free(&text);
    cJSON_Delete(names);
}

static void names_are_a_list_for_people(void **state)
{
    (void)state;
    assert_names("[\"a@x\",\"b@x\"]", "a@x, b@x");
    assert_names("[\"a@x\"]", "a@x");
    assert_names("[\"a@x\",1]", "a@x, ?");
    assert_names("[]", "none");
    assert_names(NULL, "none");
}

static void assert_grow(const char *queues_json, const char *nodes_json, size_t wanted, const char *expected)
{
    static struct topology topology = {.queues = {{.name = "one"}, {.name = "t.wo"}}, .queue_count = 2};
    cJSON *queues = cJSON_Parse(queues_json), *nodes = cJSON_Parse(nodes_json);
    struct buf text = {0};

    cluster_append_grow(&text, &topology, queues, nodes, wanted, "a.b");
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
    cJSON_Delete(queues);
    cJSON_Delete(nodes);
}

static void each_node_that_lacks_members_gets_one_command_with_the_queues(void **state)
{
    (void)state;
    assert_grow("[{\"name\":\"one\",\"members\":[\"a\"]},{\"name\":\"t.wo\",\"members\":[\"a\",\"c\"]},"
                "{\"name\":\"other\",\"members\":[\"a\"]}]",
                "[\"a\",\"b\",\"c\"]", 3,
                "rabbitmq-queues grow b all --vhost-pattern '^a\\.b$' --queue-pattern '^(one|t\\.wo)$'\n"
                "rabbitmq-queues grow c all --vhost-pattern '^a\\.b$' --queue-pattern '^(one)$'");
}

static void no_more_members_are_added_than_wanted(void **state)
{
    (void)state;
    assert_grow("[{\"name\":\"one\",\"members\":[\"c\"]}]", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", 3,
                "rabbitmq-queues grow a all --vhost-pattern '^a\\.b$' --queue-pattern '^(one)$'\n"
                "rabbitmq-queues grow b all --vhost-pattern '^a\\.b$' --queue-pattern '^(one)$'");
    assert_grow("[{\"name\":\"one\",\"members\":[\"a\",\"b\",\"c\"]}]", "[\"a\",\"b\",\"c\",\"d\"]", 3, "");
    assert_grow("[{\"name\":\"one\"}]", "[\"a\",\"b\"]", 2, "");
    assert_grow("[]", "[\"a\",\"b\"]", 2, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brokers_add_members_by_themselves_from_3_13_on),
        cmocka_unit_test(a_queue_needs_a_member_on_each_node_but_no_more_than_three),
        cmocka_unit_test(a_queue_needs_more_than_half_of_its_members_online),
        cmocka_unit_test(what_is_not_reported_is_no_lack),
        cmocka_unit_test(names_are_a_list_for_people),
        cmocka_unit_test(each_node_that_lacks_members_gets_one_command_with_the_queues),
        cmocka_unit_test(no_more_members_are_added_than_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
