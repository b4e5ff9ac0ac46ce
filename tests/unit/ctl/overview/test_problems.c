/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/overview/problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S 1000000
#define HOUR 3600

/* A healthy site; each test changes what it is about. */
static struct overview now;
static struct source_totals sources[5];
static struct reading recent;
static struct problem found[PROBLEMS_MAX];

static struct replica well(const char *address)
{
    struct replica replica = {.answered = true, .ready = true, .state = "ready"};

    (void)text_copy(replica.address, sizeof replica.address, span_of(address));
    return replica;
}

static int begin(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    memset(sources, 0, sizeof sources);
    now.at_us = NOW_S * CLOCK_US_PER_S;
    now.asks_gateways = now.asks_workers = true;
    now.gateways.list[0] = well("10.0.0.1:8081");
    now.gateways.count = 1;
    now.workers.list[0] = well("10.0.0.2:8082");
    now.workers.list[1] = well("10.0.0.3:8082");
    now.workers.count = 2;
    now.worker_count = 2;
    now.database.last_dead_us = OVERVIEW_UNKNOWN;
    now.queue_bytes = 5;
    now.queue_max_bytes = 100;
    now.depths = (struct queue_depths){.queues = {{.name = TOPOLOGY_DEAD, .there = true}}, .count = 1};
    now.totals = (struct totals){.generation = 7,
                                 .unavailable = 4,
                                 .log_dropped = 2,
                                 .sources = sources,
                                 .source_count = 1,
                                 .started_s = NOW_S - 100 * HOUR,
                                 .certificate_s = NOW_S + 15 * 86400,
                                 .oldest_event_s = NOW_S - 10};
    (void)strcpy(sources[0].name, "git");
    sources[0].accepted = 100;
    sources[0].last_accepted_s = NOW_S - 60;
    recent = (struct reading){.generation = 7, .unavailable = 4, .log_dropped = 2};
    return 0;
}

static size_t find(void)
{
    return problems_find(found, &now, &recent);
}

static void assert_only(const char *name, const char *words)
{
    assert_int_equal(find(), 1);
    assert_string_equal(found[0].name, name);
    assert_non_null(found[0].anchor);
    if (strstr(found[0].words, words) == NULL) {
        fail_msg("%s is not in %s", words, found[0].words);
    }
}

static void all_is_well(void **state)
{
    (void)state;
    assert_int_equal(find(), 0);
}

static void what_is_not_known_is_no_problem(void **state)
{
    (void)state;
    now = (struct overview){.at_us = NOW_S * CLOCK_US_PER_S,
                            .queue_bytes = OVERVIEW_UNKNOWN,
                            .queue_max_bytes = OVERVIEW_UNKNOWN,
                            .database = {.last_dead_us = OVERVIEW_UNKNOWN},
                            .worker_count = OVERVIEW_UNKNOWN,
                            .standby = OVERVIEW_UNKNOWN};
    assert_int_equal(problems_find(found, &now, NULL), 0);
}

static void before_the_first_look_nothing_is_a_problem(void **state)
{
    static const struct overview never;

    (void)state;
    now = never;
    now.database.last_dead_us = NOW_S * CLOCK_US_PER_S; /* the console's page asks for it itself */
    assert_int_equal(problems_find(found, &now, NULL), 0);
}

static void a_gateway_that_is_not_ready_is_named(void **state)
{
    (void)state;
    now.gateways.list[1] = well("10.0.0.9:8081");
    now.gateways.count = 2;
    now.gateways.list[1].ready = false;
    (void)strcpy(now.gateways.list[1].state, "broker away");
    assert_only("SluiceGatewayNotReady", "1 of 2 gateways are not ready: 10.0.0.9:8081: broker away");
    now.gateways.list[1].answered = false;
    assert_only("SluiceGatewayNotReady", "10.0.0.9:8081 doesn't answer: broker away");
}

static void one_ready_worker_is_enough(void **state)
{
    (void)state;
    now.workers.list[0].ready = false;
    assert_int_equal(find(), 0);
    now.workers.list[1].ready = false;
    assert_only("SluiceNoWorkerReady", "none of 2 workers is ready: 10.0.0.2:8082: ready; 10.0.0.3:8082: ");
}

static void workers_that_are_all_on_standby_are_a_problem(void **state)
{
    (void)state;
    now.standby = 1;
    assert_int_equal(find(), 0);
    now.standby = 2;
    assert_only("SluiceStandbyOnly", "all 2 workers");
    now.asks_workers = false; /* the two may have ended just now */
    assert_int_equal(find(), 0);
    now.asks_workers = true;
    now.worker_count = now.standby = 0;
    assert_int_equal(find(), 0);
}

static void a_pause_and_a_brake_are_problems(void **state)
{
    (void)state;
    now.totals.paused = 1;
    assert_only("SluicePaused", "1 workers pause");
    now.totals.paused = 0;
    now.totals.braked = 2;
    assert_only("SluiceBraked", "2 sources");
}

static void dead_letters_rise_while_the_last_one_is_recent(void **state)
{
    (void)state;
    now.database.last_dead_us = (NOW_S - 899) * CLOCK_US_PER_S;
    assert_only("SluiceDeadLettersRising", "15 min ago");
    now.database.last_dead_us = (NOW_S - 900) * CLOCK_US_PER_S;
    assert_int_equal(find(), 0);
}

static void what_the_broker_gave_up_is_a_problem(void **state)
{
    (void)state;
    now.depths.queues[0].ready = 3;
    assert_only("SluiceDeadQueueNotEmpty", "3 messages");
}

static void an_event_older_than_5_minutes_is_a_problem(void **state)
{
    (void)state;
    now.totals.oldest_event_s = NOW_S - 300;
    assert_int_equal(find(), 0);
    now.totals.oldest_event_s = NOW_S - 301;
    assert_only("SluiceOldestEventLate", "5 min ago");
}

static void a_tenth_of_the_bound_is_a_problem(void **state)
{
    (void)state;
    now.queue_bytes = 10;
    assert_int_equal(find(), 0);
    now.queue_bytes = 11;
    assert_only("SluiceQueueFilling", "11 %");
    now.queue_max_bytes = OVERVIEW_UNKNOWN;
    assert_int_equal(find(), 0);
}

static void a_503_is_a_problem_for_a_few_minutes(void **state)
{
    (void)state;
    now.totals.log_dropped = 0;
    now.totals.unavailable = 6;
    assert_only("SluiceAnswers503", "2 requests in the last minutes");
    recent.generation = 8; /* a gateway has started anew: what rose isn't known */
    assert_int_equal(find(), 0);
    (void)strcpy(sources[0].cause, "away");
    sources[0].last_refused_s = NOW_S - 20;
    assert_only("SluiceAnswers503", "source git (away, the last 20 s ago)");
    assert_int_equal(problems_find(found, &now, NULL), 1);
    sources[0].last_refused_s = NOW_S - 300;
    assert_int_equal(find(), 0);
}

static void a_401_is_a_problem_for_a_few_minutes_and_4_sources_are_counted(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        (void)strcpy(sources[i].name, names[i]);
        (void)strcpy(sources[i].cause, i == 4 ? "too-large" : "unverified");
        sources[i].last_refused_s = NOW_S - 1;
        (void)strcpy(sources[i].causes[0].label, sources[i].cause);
        sources[i].causes[0].count = 3;
        sources[i].cause_count = 1;
    }
    sources[0].last_accepted_s = NOW_S - 2;
    now.totals.source_count = 5;
    assert_only("SluiceSourceUnverified", "source a (unverified, the last 1 s ago), b ");
    assert_non_null(strstr(found[0].words, "and 1 more"));
    assert_null(strstr(found[0].words, "e ("));
    sources[0].last_accepted_s = NOW_S; /* verified events still come */
    sources[1].causes[0].count = 2;
    assert_only("SluiceSourceUnverified", "source c (unverified, the last 1 s ago), d ");
    now.at_us += 300 * CLOCK_US_PER_S;
    now.totals.oldest_event_s = 0;
    assert_int_equal(find(), 0);
}

static void a_source_is_silent_after_ten_times_its_usual_wait_and_an_hour(void **state)
{
    (void)state;
    now.totals.oldest_event_s = 0;
    sources[0].last_accepted_s = NOW_S - HOUR; /* 100 events in 99 hours: one an hour */
    assert_int_equal(find(), 0);
    sources[0].last_accepted_s = NOW_S - 20 * HOUR; /* 100 in 80 hours */
    assert_only("SluiceSourceSilent", "git has had no verified event for 20 h, before that one every 48 min");
    sources[0].accepted = 1;
    assert_int_equal(find(), 0);
    sources[0].accepted = 1e6;
    sources[0].last_accepted_s = NOW_S - HOUR;
    assert_int_equal(find(), 0);
    sources[0].last_accepted_s = NOW_S - HOUR - 1;
    assert_only("SluiceSourceSilent", "every 0 s");
}

static void dropped_lines_are_a_problem(void **state)
{
    (void)state;
    assert_int_equal(problems_find(found, &now, NULL), 1);
    assert_non_null(strstr(found[0].words, "2 log lines were dropped since the programs started"));
    now.totals.log_dropped = 5;
    assert_only("SluiceLogLinesDropped", "3 log lines were dropped in the last minutes");
}

static void a_certificate_that_ends_within_14_days_is_a_problem(void **state)
{
    (void)state;
    now.totals.certificate_s = NOW_S + 14 * 86400;
    assert_only("SluiceCertificateEnds", "ends in 14 d");
    now.totals.certificate_s = NOW_S;
    assert_only("SluiceCertificateEnds", "has ended");
    now.totals.certificate_s = NOW_S + 14 * 86400 + 1;
    assert_int_equal(find(), 0);
    now.totals.certificate_s = 0;
    assert_int_equal(find(), 0);
}

/* Gives the look these queues, as the management API lists them, on so many nodes. */
static void on_nodes(size_t nodes, const char *queues)
{
    cJSON_Delete(now.queues);
    now.queues = cJSON_Parse(queues);
    now.nodes = nodes;
    assert_non_null(now.queues);
}

static void a_queue_without_a_majority_of_its_members_is_a_problem(void **state)
{
    (void)state;
    on_nodes(3, "[{\"name\":\"in\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[\"a\",\"c\"]}]");
    assert_int_equal(find(), 0);
    assert_false(problems_in_cluster(&now));
    on_nodes(3, "[{\"name\":\"in\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[\"c\"]},"
                "{\"name\":\"on\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[]}]");
    assert_only(
        "BrokerMajorityLost",
        "in takes no events and hands none out: of its members a, b, c are online: c; so is 1 more queue");
    assert_true(problems_in_cluster(&now));
    on_nodes(0, "[{\"name\":\"in\"}]");
    assert_int_equal(find(), 0);
    cJSON_Delete(now.queues);
}

static void a_queue_with_fewer_members_than_the_nodes_warrant_is_a_problem(void **state)
{
    (void)state;
    on_nodes(3, "[{\"name\":\"in\",\"members\":[\"a\"],\"online\":[\"a\"]},"
                "{\"name\":\"on\",\"members\":[\"a\"],\"online\":[\"a\"]},"
                "{\"name\":\"out\",\"members\":[\"a\"],\"online\":[\"a\"]}]");
    assert_only("BrokerMembersFew",
                "in has too few members for a broker of 3 nodes: a; so are 2 more queues");
    assert_true(problems_in_cluster(&now));
    on_nodes(5, "[{\"name\":\"in\",\"members\":[\"a\",\"b\",\"c\"],\"online\":[\"a\",\"b\",\"c\"]}]");
    assert_int_equal(find(), 0);
    on_nodes(0, "[{\"name\":\"in\",\"members\":[\"a\"],\"online\":[\"a\"]}]");
    assert_int_equal(find(), 0);
    assert_false(problems_in_cluster(&now));
    cJSON_Delete(now.queues);
}

static void shards(uint32_t consumers_of_first, uint32_t consumers_of_second, uint32_t ready_in_second)
{
    now.depths.queues[1] = (struct queue_depth){
        .name = "webhooks.ingest", .there = true, .ready = 3, .consumers = consumers_of_first};
    now.depths.queues[2] = (struct queue_depth){.name = "webhooks.ingest.1",
                                                .there = true,
                                                .ready = ready_in_second,
                                                .consumers = consumers_of_second};
    now.depths.count = 3;
}

static void a_queue_with_events_that_no_worker_consumes_is_a_problem_while_others_are_consumed(void **state)
{
    (void)state;
    shards(2, 0, 40);
    assert_only("BrokerQueueUnattended", "webhooks.ingest.1 has 40 messages and no worker consumes it");
    assert_false(problems_in_cluster(&now));
    shards(2, 0, 0);
    assert_int_equal(find(), 0);
    shards(2, 1, 40);
    assert_int_equal(find(), 0);
    shards(0, 0, 40); /* the workers are away: they say so themselves */
    assert_int_equal(find(), 0);
}

static void a_queue_that_is_left_of_more_shards_is_a_problem_until_it_is_empty(void **state)
{
    (void)state;
    shards(2, 2, 0);
    now.queues = cJSON_Parse("[{\"name\":\"webhooks.ingest.1\",\"messages_ready\":9,\"consumers\":0},"
                             "{\"name\":\"webhooks.ingest.2\",\"messages_ready\":7,\"consumers\":1},"
                             "{\"name\":\"webhooks.ingest.3\",\"messages_ready\":7,\"consumers\":0}]");
    assert_only("BrokerQueueUnattended", "webhooks.ingest.3 has 7 messages and no worker consumes it");
    cJSON_Delete(now.queues);
    now.queues = cJSON_Parse("[{\"name\":\"webhooks.ingest.3\",\"messages_ready\":0,\"consumers\":0},"
                             "{\"name\":\"webhooks.ingest.4\"}]");
    assert_int_equal(find(), 0);
    cJSON_Delete(now.queues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_is_well, begin),
        cmocka_unit_test_setup(what_is_not_known_is_no_problem, begin),
        cmocka_unit_test_setup(before_the_first_look_nothing_is_a_problem, begin),
        cmocka_unit_test_setup(a_gateway_that_is_not_ready_is_named, begin),
        cmocka_unit_test_setup(one_ready_worker_is_enough, begin),
        cmocka_unit_test_setup(workers_that_are_all_on_standby_are_a_problem, begin),
        cmocka_unit_test_setup(a_pause_and_a_brake_are_problems, begin),
        cmocka_unit_test_setup(dead_letters_rise_while_the_last_one_is_recent, begin),
        cmocka_unit_test_setup(what_the_broker_gave_up_is_a_problem, begin),
        cmocka_unit_test_setup(an_event_older_than_5_minutes_is_a_problem, begin),
        cmocka_unit_test_setup(a_tenth_of_the_bound_is_a_problem, begin),
        cmocka_unit_test_setup(a_503_is_a_problem_for_a_few_minutes, begin),
        cmocka_unit_test_setup(a_401_is_a_problem_for_a_few_minutes_and_4_sources_are_counted, begin),
        cmocka_unit_test_setup(a_source_is_silent_after_ten_times_its_usual_wait_and_an_hour, begin),
        cmocka_unit_test_setup(dropped_lines_are_a_problem, begin),
        cmocka_unit_test_setup(a_certificate_that_ends_within_14_days_is_a_problem, begin),
        cmocka_unit_test_setup(a_queue_without_a_majority_of_its_members_is_a_problem, begin),
        cmocka_unit_test_setup(a_queue_with_fewer_members_than_the_nodes_warrant_is_a_problem, begin),
        cmocka_unit_test_setup(
            a_queue_with_events_that_no_worker_consumes_is_a_problem_while_others_are_consumed, begin),
        cmocka_unit_test_setup(a_queue_that_is_left_of_more_shards_is_a_problem_until_it_is_empty, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
