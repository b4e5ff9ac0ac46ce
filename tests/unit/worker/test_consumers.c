/* SPDX-License-Identifier: MIT */
#include "worker/consumers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_consumers_share_the_whole_prefetch_evenly(void **state)
{
    const uint16_t prefetches[] = {16, 17, 100, 2000, UINT16_MAX};

    (void)state;
    for (size_t shards = 1; shards <= 16; shards++) {
        const struct consumers c = {.shards = shards};

        for (size_t i = 0; i < sizeof prefetches / sizeof prefetches[0]; i++) {
            size_t sum = 0;

            for (size_t shard = 0; shard < shards; shard++) {
                uint16_t share = consumers_share(&c, prefetches[i], shard);

                assert_in_range(share, prefetches[i] / shards, prefetches[i] / shards + 1);
                sum += share;
            }
            assert_int_equal(sum, prefetches[i]);
        }
    }
}

static void each_queue_gets_one_message_at_least(void **state)
{
    const struct consumers c = {.shards = 4};

    (void)state;
    for (size_t shard = 0; shard < 4; shard++) {
        assert_int_equal(consumers_share(&c, 1, shard), 1);
        assert_int_equal(consumers_share(&c, 3, shard), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_consumers_share_the_whole_prefetch_evenly),
        cmocka_unit_test(each_queue_gets_one_message_at_least),
    };

    return cmocka_run_group_tests_name("consumers", tests, NULL, NULL);
}
