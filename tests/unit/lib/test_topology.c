/* SPDX-License-Identifier: MIT */
#include "topology.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int64_t delays[] = {10 * CLOCK_US_PER_S, 60 * CLOCK_US_PER_S, 600 * CLOCK_US_PER_S};

static struct topology built(void)
{
    struct topology t;
    struct error error = {0};

    if (topology_build(&t, delays, 3, INT64_C(1) << 30, &error) != ERROR_NONE) {
        fail_msg("%s", error.text);
    }
    return t;
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

        (void)queue_of(&t, t.bindings[i].queue);
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
        assert_int_equal(topology_build(&t, &wrong[i], 1, 0, NULL), ERROR_SETTING);
    }
    assert_int_equal(topology_build(&t, right, 2, 0, NULL), ERROR_NONE);
    assert_int_equal(topology_build(&t, NULL, 0, 0, NULL), ERROR_NONE);
    for (int i = 0; i <= TOPOLOGY_DELAYS_MAX; i++) {
        many[i] = (i + 1) * CLOCK_US_PER_S;
    }
    assert_int_equal(topology_build(&t, many, TOPOLOGY_DELAYS_MAX, 0, NULL), ERROR_NONE);
    assert_int_equal(topology_build(&t, many, TOPOLOGY_DELAYS_MAX + 1, 0, NULL), ERROR_SETTING);
}

static void a_bound_on_bytes_is_a_mebibyte_or_more_or_as_it_is(void **state)
{
    struct topology t;

    (void)state;
    assert_int_equal(topology_build(&t, delays, 3, 0, NULL), ERROR_NONE);
    assert_int_equal(t.policies[0].max_length_bytes, 0);
    assert_int_equal(topology_build(&t, delays, 3, INT64_C(1) << 20, NULL), ERROR_NONE);
    assert_int_equal(topology_build(&t, delays, 3, (INT64_C(1) << 20) - 1, NULL), ERROR_SETTING);
    assert_int_equal(topology_build(&t, delays, 3, 1, NULL), ERROR_SETTING);
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
    static const char *const ours[] = {TOPOLOGY_INGEST, TOPOLOGY_DEAD, "webhooks.retry.1",
                                       "webhooks.delay.86400"};
    static const char *const others[] = {"",
                                         "audit",
                                         "webhooks",
                                         "webhooks.audit",
                                         "webhooks.retry.1.audit",
                                         "webhooks.ingest2",
                                         "my.webhooks.retry.1"};

    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        assert_true(topology_owns_queue(ours[i]));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(topology_owns_queue(others[i]));
    }
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
    };

    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
