/* SPDX-License-Identifier: MIT */
#include "ctl/look/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct waiting two_queues(void)
{
    return (struct waiting){
        .queues = {{.name = TOPOLOGY_INGEST, .there = true, .ready = 3, .unacked = WAITING_UNKNOWN},
                   {.name = TOPOLOGY_DEAD, .there = true, .ready = 1, .unacked = WAITING_UNKNOWN}},
        .count = 2};
}

static struct waiting filled(const char *json)
{
    struct waiting waiting = two_queues();
    cJSON *list = cJSON_Parse(json);

    waiting_fill(&waiting, list);
    cJSON_Delete(list);
    return waiting;
}

static void what_workers_hold_counts_too(void **state)
{
    struct waiting waiting = filled("[{\"name\":\"" TOPOLOGY_DEAD "\",\"messages_unacknowledged\":0},"
                                    "{\"name\":\"" TOPOLOGY_INGEST "\",\"messages_unacknowledged\":400}]");

    (void)state;
    assert_int_equal(waiting.queues[0].unacked, 400);
    assert_int_equal(waiting.queues[1].unacked, 0);
    assert_int_equal(waiting_count(&waiting), 404);
    assert_true(waiting_is_complete(&waiting));
}

static void a_number_that_is_not_told_is_unknown(void **state)
{
    /* The management API leaves numbers out until it has them. */
    static const char *const lists[] = {
        "null",
        "[]",
        "[{\"name\":\"" TOPOLOGY_INGEST "\"},{\"name\":\"" TOPOLOGY_DEAD "\",\"messages_unacknowledged\":0}]",
        "[{\"name\":\"" TOPOLOGY_INGEST "\",\"messages_unacknowledged\":\"1\"}]",
        "[{\"name\":\"" TOPOLOGY_INGEST "\",\"messages_unacknowledged\":-1}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct waiting waiting = filled(lists[i]);

        assert_int_equal(waiting.queues[0].unacked, WAITING_UNKNOWN);
        assert_int_equal(waiting_count(&waiting), 4);
        assert_false(waiting_is_complete(&waiting));
    }
}

static void a_missing_queue_holds_nothing(void **state)
{
    struct waiting waiting = two_queues(), none = {.count = 0};

    (void)state;
    waiting.queues[0].unacked = 0;
    waiting.queues[1] = (struct waiting_queue){.name = TOPOLOGY_DEAD, .unacked = WAITING_UNKNOWN};
    assert_true(waiting_is_complete(&waiting));
    assert_int_equal(waiting_count(&waiting), 3);
    assert_false(waiting_is_complete(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_workers_hold_counts_too),
        cmocka_unit_test(a_number_that_is_not_told_is_unknown),
        cmocka_unit_test(a_missing_queue_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
