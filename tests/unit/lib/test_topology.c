/* SPDX-License-Identifier: MIT */
#include "topology.h"

#include "clock.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t delays[] = {10 * CLOCK_US_PER_S, 60 * CLOCK_US_PER_S, 600 * CLOCK_US_PER_S};

static struct topology built_for(int64_t shards)
{
    struct topology t;
    struct error error = {0};

    if (topology_build(&t, delays, 3, shards, INT64_C(1) << 30, &error) != ERROR_NONE) {
        fail_msg("%s", error.text);
    }
    return t;
}

static struct topology built(void)
{
    return built_for(1);
}

static const struct topology_argument *argument(const struct topology_queue *queue, const char *name)
{
    for (size_t i = 0; queue->arguments[i].name != NULL; i++) {
        if (strcmp(queue->arguments[i].name, name) == 0) {
            return &queue->arguments[i];
        }
    }
    return NULL;
}

static const struct topology_queue *queue_of(const struct topology *t, const char *name)
{
    for (size_t i = 0; i < t->queue_count; i++) {
        if (strcmp(t->queues[i].name, name) == 0) {
            return &t->queues[i];
        }
    }
    fail_msg("no queue %s", name);
    return NULL;
}

static void every_queue_is_a_quorum_queue_that_refuses_rather_than_drops(void **state)
{
    struct topology t = built();

    (void)state;
    assert_int_equal(t.queue_count, 2 + 2 * 3);
    for (size_t i = 0; i < t.queue_count; i++) {
        assert_string_equal(argument(&t.queues[i], "x-queue-type")->text, "quorum");
        assert_string_equal(argument(&t.queues[i], "x-overflow")->text, "reject-publish");
        assert_null(argument(&t.queues[i], "x-expires"));
        assert_null(argument(&t.queues[i], "x-dead-letter-routing-key"));
        if (argument(&t.queues[i], "x-dead-letter-exchange") != NULL) {
            assert_string_equal(argument(&t.queues[i], "x-dead-letter-strategy")->text, "at-least-once");
        }
    }
}

static void each_way_leads_where_the_design_says(void **state)
{
    struct topology t = built();

    (void)state;
    assert_string_equal(argument(queue_of(&t, TOPOLOGY_INGEST), "x-dead-letter-exchange")->text,
                        TOPOLOGY_DEAD);
    assert_null(argument(queue_of(&t, TOPOLOGY_DEAD), "x-dead-letter-exchange"));
    assert_int_equal(argument(queue_of(&t, TOPOLOGY_DEAD), "x-delivery-limit")->number, 1000000);
    assert_string_equal(argument(queue_of(&t, "webhooks.delay.60"), "x-dead-letter-exchange")->text,
                        TOPOLOGY_EVENTS);
    assert_string_equal(argument(queue_of(&t, "webhooks.retry.60"), "x-dead-letter-exchange")->text,
                        TOPOLOGY_AGAIN);
    assert_int_equal(argument(queue_of(&t, "webhooks.retry.600"), "x-message-ttl")->number, 600000);
}

static void every_queue_is_bound_and_every_binding_names_what_is_there(void **state)
{
    struct topology t = built();

    (void)state;
    assert_int_equal(t.binding_count, 3 + 2 * 3);
    for (size_t i = 0; i < t.binding_count; i++) {
        size_t found = 0;

        (void)queue_of(&t, t.bindings[i].to);
        for (size_t j = 0; j < t.exchange_count; j++) {
            found += strcmp(t.exchanges[j].name, t.bindings[i].exchange) == 0;
        }
        assert_int_equal(found, 1);
    }
}

static void the_delivery_limit_is_positive_and_not_set_on_the_dead_queue(void **state)
{
    struct topology t = built();

    (void)state;
    assert_int_equal(t.policy_count, 3);
    assert_int_equal(t.policies[0].max_length_bytes, 1 << 30);
    assert_int_equal(t.policies[0].delivery_limit, 100);
    assert_null(strstr(t.policies[0].pattern, "dead"));
    assert_int_equal(t.policies[1].max_length_bytes, 1 << 30);
    assert_int_equal(t.policies[1].delivery_limit, 0);
    assert_string_equal(t.policies[1].pattern, "^webhooks\\.dead$");
}

static const struct topology_argument *listener_argument(const char *name)
{
    const struct topology_argument *a = topology_listen_arguments;

    while (a->name != NULL && strcmp(a->name, name) != 0) {
        a++;
    }
    assert_non_null(a->name);
    return a;
}

static void a_listeners_queue_is_bounded_and_drops_rather_than_refuses(void **state)
{
    struct topology t = built();
    char name[TOPOLOGY_NAME_MAX];

    (void)state;
    assert_string_equal(listener_argument("x-overflow")->text, "drop-head");
    assert_int_equal(listener_argument("x-max-length")->number, 1000);
    assert_int_equal(listener_argument("x-max-length-bytes")->number, 16 << 20);
    assert_int_equal(listener_argument("x-expires")->number, 60000);
    assert_true(t.policies[2].listening);
    assert_false(t.policies[0].listening || t.policies[1].listening);
    assert_string_equal(t.policies[2].pattern, "^webhooks\\.listen\\.");
    topology_listen(name, UINT64_MAX);
    assert_string_equal(name, "webhooks.listen.ffffffffffffffff");
}

static void a_delay_is_whole_seconds_up_to_a_day_and_there_are_eight_at_most(void **state)
{
    const int64_t wrong[] = {0, -1, 500 * CLOCK_US_PER_MS, 86401 * CLOCK_US_PER_S};
    const int64_t right[] = {1 * CLOCK_US_PER_S, 86400 * CLOCK_US_PER_S};
    int64_t many[TOPOLOGY_DELAYS_MAX + 1];
    struct topology t;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(topology_build(&t, &wrong[i], 1, 1, 0, NULL), ERROR_SETTING);
    }
    assert_int_equal(topology_build(&t, right, 2, 1, 0, NULL), ERROR_NONE);
    assert_int_equal(topology_build(&t, NULL, 0, 1, 0, NULL), ERROR_NONE);
    for (int i = 0; i <= TOPOLOGY_DELAYS_MAX; i++) {
        many[i] = (i + 1) * CLOCK_US_PER_S;
    }
    assert_int_equal(topology_build(&t, many, TOPOLOGY_DELAYS_MAX, 1, 0, NULL), ERROR_NONE);
    assert_int_equal(topology_build(&t, many, TOPOLOGY_DELAYS_MAX + 1, 1, 0, NULL), ERROR_SETTING);
}

static void a_bound_on_bytes_is_a_mebibyte_or_more_or_as_it_is(void **state)
{
    struct topology t;

    (void)state;
    assert_int_equal(topology_build(&t, delays, 3, 1, 0, NULL), ERROR_NONE);
    assert_int_equal(t.policies[0].max_length_bytes, 0);
    assert_int_equal(topology_build(&t, delays, 3, 1, INT64_C(1) << 20, NULL), ERROR_NONE);
    assert_int_equal(topology_build(&t, delays, 3, 1, (INT64_C(1) << 20) - 1, NULL), ERROR_SETTING);
    assert_int_equal(topology_build(&t, delays, 3, 1, 1, NULL), ERROR_SETTING);
}

static void a_retry_goes_by_an_exchange_that_leads_back_to_the_workers_alone(void **state)
{
    struct topology t = built();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char name[TOPOLOGY_NAME_MAX];
        const struct topology_queue *queue;

        topology_retry(name, delays[i]);
        queue = queue_of(&t, name);
        assert_string_equal(argument(queue, "x-dead-letter-exchange")->text, TOPOLOGY_AGAIN);
        assert_int_equal(argument(queue, "x-message-ttl")->number, delays[i] / CLOCK_US_PER_MS);
    }
}

static void an_event_enters_by_the_events_exchange_or_by_that_of_its_delay(void **state)
{
    char name[TOPOLOGY_NAME_MAX];

    (void)state;
    topology_entry(name, 0);
    assert_string_equal(name, TOPOLOGY_EVENTS);
    topology_entry(name, TOPOLOGY_DELAY_MOST_S * CLOCK_US_PER_S);
    assert_string_equal(name, "webhooks.delay.86400");
}

static void a_queue_is_ours_by_its_whole_name_whatever_the_delays(void **state)
{
    static const char *const ours[] = {TOPOLOGY_INGEST, TOPOLOGY_DEAD, "webhooks.ingest.15",
                                       "webhooks.retry.1", "webhooks.delay.86400"};
    static const char *const others[] = {"",
                                         "audit",
                                         "webhooks",
                                         "webhooks.audit",
                                         "webhooks.retry.1.audit",
                                         "webhooks.ingest2",
                                         "webhooks.ingest.",
                                         "webhooks.ingest.two",
                                         "my.webhooks.retry.1"};

    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        assert_true(topology_owns_queue(ours[i]));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(topology_owns_queue(others[i]));
    }
}

/* --- several ingest queues --------------------------------------------------- */

static size_t place_of(const struct topology_binding *bindings, size_t count, const char *exchange,
                       const char *to, bool to_exchange)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(bindings[i].exchange, exchange) == 0 && strcmp(bindings[i].to, to) == 0 &&
            bindings[i].to_exchange == to_exchange) {
            return i;
        }
    }
    return SIZE_MAX;
}

static size_t bound(const struct topology *t, const char *exchange, const char *to, bool to_exchange)
{
    return place_of(t->bindings, t->binding_count, exchange, to, to_exchange);
}

static bool is_retired(const struct topology *t, const char *exchange, const char *queue)
{
    return place_of(t->retired, t->retired_count, exchange, queue, false) != SIZE_MAX;
}

static bool has_exchange(const struct topology *t, const char *name)
{
    for (size_t i = 0; i < t->exchange_count; i++) {
        if (strcmp(t->exchanges[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void one_queue_needs_no_exchange_of_a_plugin_and_leaves_none(void **state)
{
    struct topology t = built_for(1);

    (void)state;
    assert_int_not_equal(bound(&t, TOPOLOGY_EVENTS, TOPOLOGY_INGEST, false), SIZE_MAX);
    assert_int_not_equal(bound(&t, TOPOLOGY_AGAIN, TOPOLOGY_INGEST, false), SIZE_MAX);
    for (size_t i = 0; i < t.exchange_count; i++) {
        assert_true(strcmp(t.exchanges[i].type, "topic") == 0 || strcmp(t.exchanges[i].type, "fanout") == 0);
        assert_null(t.exchanges[i].arguments[0].name);
    }
    assert_int_equal(t.retired_count, 0);
    assert_int_equal(t.retired_exchange_count, 2);
    for (size_t i = 0; i < t.retired_exchange_count; i++) {
        assert_false(has_exchange(&t, t.retired_exchanges[i]));
    }
}

static void several_queues_are_bound_before_anything_is_sent_to_them(void **state)
{
    (void)state;
    for (int64_t shards = 2; shards <= TOPOLOGY_SHARDS_MAX; shards++) {
        struct topology t = built_for(shards);
        size_t events = bound(&t, TOPOLOGY_EVENTS, TOPOLOGY_SHARDS, true);
        size_t again = bound(&t, TOPOLOGY_AGAIN, TOPOLOGY_SHARDS, true);

        assert_true(events < t.binding_count && again < t.binding_count);
        assert_int_equal(t.queue_count, 1 + (size_t)shards + 2 * 3);
        for (size_t i = 0; i < (size_t)shards; i++) {
            char name[TOPOLOGY_NAME_MAX];
            size_t at;

            topology_ingest(name, i);
            at = bound(&t, TOPOLOGY_SHARDS, name, false);
            assert_true(at < events && at < again);
            assert_string_equal(t.bindings[at].key, "1");
            assert_string_equal(argument(queue_of(&t, name), "x-dead-letter-exchange")->text, TOPOLOGY_DEAD);
            assert_string_equal(argument(queue_of(&t, name), "x-overflow")->text, "reject-publish");
        }
    }
}

static void what_another_number_of_queues_needed_is_retired_and_nothing_that_this_one_needs(void **state)
{
    (void)state;
    for (int64_t shards = 2; shards <= TOPOLOGY_SHARDS_MAX; shards++) {
        struct topology t = built_for(shards);

        assert_true(is_retired(&t, TOPOLOGY_EVENTS, TOPOLOGY_INGEST));
        assert_true(is_retired(&t, TOPOLOGY_AGAIN, TOPOLOGY_INGEST));
        for (size_t i = 0; i < TOPOLOGY_SHARDS_MAX; i++) {
            char name[TOPOLOGY_NAME_MAX];

            topology_ingest(name, i);
            assert_int_equal(is_retired(&t, TOPOLOGY_SHARDS, name), i >= (size_t)shards);
        }
        for (size_t i = 0; i < t.binding_count; i++) {
            assert_false(!t.bindings[i].to_exchange &&
                         is_retired(&t, t.bindings[i].exchange, t.bindings[i].to));
        }
        assert_int_equal(t.retired_exchange_count, 0);
    }
}

static void an_event_that_the_hash_cannot_place_goes_to_the_first_queue(void **state)
{
    struct topology t = built_for(2);
    const struct topology_exchange *x = NULL;

    (void)state;
    for (size_t i = 0; i < t.exchange_count; i++) {
        x = strcmp(t.exchanges[i].name, TOPOLOGY_SHARDS) == 0 ? &t.exchanges[i] : x;
    }
    assert_non_null(x);
    assert_string_equal(x->type, "x-consistent-hash");
    assert_string_equal(x->arguments[0].name, "hash-property");
    assert_string_equal(x->arguments[0].text, "message_id");
    assert_string_equal(x->arguments[1].name, "alternate-exchange");
    assert_true(has_exchange(&t, x->arguments[1].text));
    assert_int_not_equal(bound(&t, x->arguments[1].text, TOPOLOGY_INGEST, false), SIZE_MAX);
    assert_null(x->arguments[2].name);
}

static bool matches(const char *pattern, const char *name)
{
    regex_t regex;
    bool found;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static void policy_and_rights_are_those_of_every_queue_that_there_may_be(void **state)
{
    struct topology t = built_for(TOPOLOGY_SHARDS_MAX);

    (void)state;
    for (size_t i = 0; i < t.queue_count; i++) {
        const char *name = t.queues[i].name;

        assert_int_equal(matches(t.policies[0].pattern, name), strcmp(name, TOPOLOGY_DEAD) != 0);
        assert_int_equal(matches(topology_worker_user.read, name), topology_is_ingest(name));
    }
    assert_false(matches(topology_worker_user.read, "webhooks.ingest.other"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_enters_by_the_events_exchange_or_by_that_of_its_delay),
        cmocka_unit_test(a_queue_is_ours_by_its_whole_name_whatever_the_delays),
        cmocka_unit_test(every_queue_is_a_quorum_queue_that_refuses_rather_than_drops),
        cmocka_unit_test(each_way_leads_where_the_design_says),
        cmocka_unit_test(every_queue_is_bound_and_every_binding_names_what_is_there),
        cmocka_unit_test(the_delivery_limit_is_positive_and_not_set_on_the_dead_queue),
        cmocka_unit_test(a_listeners_queue_is_bounded_and_drops_rather_than_refuses),
        cmocka_unit_test(a_delay_is_whole_seconds_up_to_a_day_and_there_are_eight_at_most),
        cmocka_unit_test(a_bound_on_bytes_is_a_mebibyte_or_more_or_as_it_is),
        cmocka_unit_test(a_retry_goes_by_an_exchange_that_leads_back_to_the_workers_alone),
        cmocka_unit_test(one_queue_needs_no_exchange_of_a_plugin_and_leaves_none),
        cmocka_unit_test(several_queues_are_bound_before_anything_is_sent_to_them),
        cmocka_unit_test(what_another_number_of_queues_needed_is_retired_and_nothing_that_this_one_needs),
        cmocka_unit_test(an_event_that_the_hash_cannot_place_goes_to_the_first_queue),
        cmocka_unit_test(policy_and_rights_are_those_of_every_queue_that_there_may_be),
    };

    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
