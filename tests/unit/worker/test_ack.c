/* SPDX-License-Identifier: MIT */
#include "../../../worker/ack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ack with_received(size_t capacity, uint64_t count)
{
    struct ack a;

    assert_int_equal(ack_init(&a, capacity, NULL), ERROR_NONE);
    for (uint64_t tag = 1; tag <= count; tag++) {
        assert_true(ack_received(&a, tag));
    }
    return a;
}

static void an_ack_never_goes_past_a_tag_that_is_not_settled(void **state)
{
    struct ack a = with_received(10, 4);

    (void)state;
    assert_int_equal(ack_take(&a), 0);
    ack_settle(&a, 1);
    ack_settle(&a, 2);
    ack_settle(&a, 4);
    assert_int_equal(ack_take(&a), 2);
    assert_int_equal(ack_take(&a), 0);
    ack_settle(&a, 3);
    assert_int_equal(ack_take(&a), 4);
    assert_int_equal(ack_owed(&a), 0);
    ack_free(&a);
}

static void a_delivery_out_of_order_or_over_the_capacity_is_refused(void **state)
{
    struct ack a = with_received(3, 3);

    (void)state;
    assert_false(ack_received(&a, 4));
    ack_settle(&a, 1);
    assert_int_equal(ack_take(&a), 1);
    assert_false(ack_received(&a, 5));
    assert_true(ack_received(&a, 4));
    ack_free(&a);
}

static void past_a_gap_each_tag_is_acked_alone_and_once(void **state)
{
    struct ack a = with_received(6, 6);

    (void)state;
    ack_settle(&a, 1);
    ack_settle(&a, 3);
    ack_settle(&a, 4);
    ack_settle(&a, 6);
    assert_int_equal(ack_take(&a), 1);
    assert_int_equal(ack_take_alone(&a), 3);
    assert_int_equal(ack_take_alone(&a), 4);
    assert_int_equal(ack_take_alone(&a), 6);
    assert_int_equal(ack_take_alone(&a), 0);
    assert_int_equal(ack_owed(&a), 2);
    /* An ack with multiple must name a tag that the broker still knows. */
    ack_settle(&a, 2);
    assert_int_equal(ack_take(&a), 2);
    ack_settle(&a, 5);
    assert_int_equal(ack_take(&a), 5);
    assert_int_equal(ack_owed(&a), 0);
    assert_true(ack_received(&a, 7));
    ack_settle(&a, 7);
    assert_int_equal(ack_take_alone(&a), 7);
    assert_int_equal(ack_take(&a), 0);
    assert_int_equal(a.first, 8);
    ack_free(&a);
}

static void a_gap_that_lies_too_far_back_ends_the_channel(void **state)
{
    struct ack a = with_received(2, 1);
    uint64_t tag = 2;

    (void)state;
    while (ack_received(&a, tag)) {
        ack_settle(&a, tag);
        assert_int_equal(ack_take(&a), 0);
        assert_int_equal(ack_take_alone(&a), tag++);
    }
    assert_int_equal(tag, 2 * 32 + 1);
    assert_int_equal(ack_owed(&a), 1);
    ack_free(&a);
}

static void a_new_channel_numbers_from_one_again(void **state)
{
    struct ack a = with_received(3, 2);

    (void)state;
    ack_reset(&a);
    assert_int_equal(ack_owed(&a), 0);
    assert_true(ack_received(&a, 1));
    assert_int_equal(ack_take(&a), 0);
    ack_free(&a);
}

/* Against a model that keeps every tag for ever. */
static void random_orders_agree_with_the_model(void **state)
{
    enum { TAGS = 2000, WINDOW = 64 };
    static bool settled[TAGS + 1];
    struct ack a = with_received(WINDOW, 0);
    uint64_t received = 0, acked = 0;

    (void)state;
    srand(7);
    while (acked < TAGS) {
        if (received < TAGS && received - acked < WINDOW && rand() % 2 == 0) {
            assert_true(ack_received(&a, ++received));
        } else if (received > acked) {
            uint64_t tag = acked + 1 + (uint64_t)rand() % (received - acked);
            uint64_t model = acked, took;

            if (!settled[tag]) {
                settled[tag] = true;
                ack_settle(&a, tag);
            }
            while (model < received && settled[model + 1]) {
                model++;
            }
            took = ack_take(&a);
            assert_int_equal(took, model == acked ? 0 : model);
            acked = model;
            assert_int_equal(ack_owed(&a), received - acked);
        }
    }
    ack_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_never_goes_past_a_tag_that_is_not_settled),
        cmocka_unit_test(a_delivery_out_of_order_or_over_the_capacity_is_refused),
        cmocka_unit_test(past_a_gap_each_tag_is_acked_alone_and_once),
        cmocka_unit_test(a_gap_that_lies_too_far_back_ends_the_channel),
        cmocka_unit_test(a_new_channel_numbers_from_one_again),
        cmocka_unit_test(random_orders_agree_with_the_model),
    };

    return cmocka_run_group_tests_name("ack", tests, NULL, NULL);
}
