/* SPDX-License-Identifier: MIT */
#include "worker/ack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FRAMES_MAX = 4096 };

/* The frames of the last flush. */
struct frames {
    uint64_t tags[FRAMES_MAX];
    bool multiple[FRAMES_MAX];
    size_t count;
    size_t fail_at; /* number of the frame whose sending fails */
};

static bool send(void *context, uint64_t tag, bool multiple)
{
    struct frames *f = context;

    if (f->count == f->fail_at) {
        return false;
    }
    f->tags[f->count] = tag;
    f->multiple[f->count++] = multiple;
    return true;
}

static struct frames flush(struct ack *a)
{
    struct frames f = {.fail_at = FRAMES_MAX};

    assert_true(ack_flush(a, send, &f));
    return f;
}

static struct ack with_received(size_t most, uint64_t count)
{
    struct ack a;

    assert_int_equal(ack_init(&a, most, NULL), ERROR_NONE);
    for (uint64_t tag = 1; tag <= count; tag++) {
        assert_true(ack_received(&a, tag, 1, 10, 0));
    }
    return a;
}

static void an_ack_with_multiple_never_goes_past_a_tag_that_is_not_settled(void **state)
{
    struct ack a = with_received(10, 4);
    struct frames f = flush(&a);

    (void)state;
    assert_int_equal(f.count, 0);
    assert_false(ack_settle(&a, 1, 1));
    assert_false(ack_settle(&a, 2, 1));
    f = flush(&a);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.tags[0], 2);
    assert_true(f.multiple[0]);
    assert_false(ack_settle(&a, 4, 1));
    f = flush(&a);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.tags[0], 4);
    assert_false(f.multiple[0]);
    assert_false(ack_settle(&a, 3, 1));
    f = flush(&a);
    assert_int_equal(f.tags[0], 3);
    assert_int_equal(ack_owed(&a), 0);
    ack_free(&a);
}

static void one_tag_that_stays_unsettled_holds_up_no_other_for_ever(void **state)
{
    struct ack a = with_received(3, 1);

    (void)state;
    for (uint64_t tag = 2; tag < 10000; tag++) {
        struct frames f;

        assert_true(ack_received(&a, tag, 1, 10, 0));
        assert_false(ack_settle(&a, tag, 1));
        f = flush(&a);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.tags[0], tag);
        assert_false(f.multiple[0]);
        assert_int_equal(ack_owed(&a), 1);
    }
    ack_free(&a);
}

static void what_was_given_back_is_never_acked(void **state)
{
    struct ack a = with_received(10, 5);
    struct frames f;

    (void)state;
    assert_false(ack_settle(&a, 1, 1));
    assert_true(ack_give_back(&a, 2, 1));
    assert_true(ack_give_back(&a, 4, 1));
    f = flush(&a);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.tags[0], 1);
    assert_int_equal(ack_owed(&a), 2);
    assert_true(ack_give_back(&a, 3, 1));
    f = flush(&a);
    assert_int_equal(f.count, 0);
    assert_false(ack_settle(&a, 5, 1));
    f = flush(&a);
    assert_int_equal(f.tags[0], 5);
    assert_int_equal(ack_owed(&a), 0);
    ack_free(&a);
}

static void a_delivery_out_of_order_or_over_the_most_is_refused(void **state)
{
    struct ack a = with_received(3, 2);

    (void)state;
    assert_false(ack_received(&a, 4, 1, 1, 0));
    assert_true(ack_received(&a, 3, 1, 1, 0));
    assert_false(ack_received(&a, 4, 1, 1, 0));
    assert_false(ack_settle(&a, 2, 1));
    (void)flush(&a);
    assert_true(ack_received(&a, 4, 1, 1, 0));
    ack_free(&a);
}

static void bytes_are_held_until_they_are_settled_or_given_back(void **state)
{
    struct ack a = with_received(3, 3);

    (void)state;
    assert_int_equal(ack_bytes(&a), 30);
    assert_false(ack_settle(&a, 2, 1));
    assert_true(ack_give_back(&a, 1, 1));
    assert_int_equal(ack_bytes(&a), 10);
    ack_reset(&a);
    assert_int_equal(ack_bytes(&a), 0);
    ack_free(&a);
}

static void the_oldest_is_the_one_of_those_that_are_not_settled(void **state)
{
    struct ack a;

    (void)state;
    assert_int_equal(ack_init(&a, 4, NULL), ERROR_NONE);
    assert_int_equal(ack_oldest_us(&a), 0);
    assert_true(ack_received(&a, 1, 1, 1, 500));
    assert_true(ack_received(&a, 2, 1, 1, 300)); /* a retry that is older than what came before it */
    assert_true(ack_received(&a, 3, 1, 1, 400));
    assert_int_equal(ack_oldest_us(&a), 300);
    assert_false(ack_settle(&a, 2, 1));
    assert_int_equal(ack_oldest_us(&a), 400);
    assert_true(ack_give_back(&a, 3, 1));
    assert_int_equal(ack_oldest_us(&a), 500);
    assert_false(ack_settle(&a, 1, 1));
    assert_int_equal(ack_oldest_us(&a), 0);
    ack_free(&a);
}

static void a_frame_that_cannot_be_sent_is_told(void **state)
{
    struct frames f = {.fail_at = 0};
    struct ack a = with_received(4, 4);

    (void)state;
    assert_false(ack_settle(&a, 1, 1));
    assert_false(ack_flush(&a, send, &f));
    ack_reset(&a);
    for (uint64_t tag = 1; tag <= 3; tag++) {
        assert_true(ack_received(&a, tag, 1, 1, 0));
    }
    assert_false(ack_settle(&a, 2, 1));
    assert_false(ack_flush(&a, send, &f));
    ack_free(&a);
}

static void a_new_channel_numbers_from_one_again(void **state)
{
    struct ack a = with_received(3, 2);

    (void)state;
    assert_false(ack_settle(&a, 1, 1));
    ack_reset(&a);
    assert_int_equal(ack_owed(&a), 0);
    assert_true(ack_received(&a, 1, 1, 1, 0));
    assert_int_equal(flush(&a).count, 0);
    ack_free(&a);
}

/* Compares with a model of the broker that records each tag's state. */
static void random_orders_agree_with_the_model(void **state)
{
    enum { TAGS = 3000, WINDOW = 64 };
    static enum { OPEN, SETTLED, BACK, ACKED } model[TAGS + 1];
    static struct {
        size_t left; /* events that are neither settled nor given back */
        bool goes_back;
    } messages[TAGS + 1];
    struct ack a = with_received(WINDOW, 0);
    uint64_t received = 0;
    size_t owed = 0;

    (void)state;
    srand(7);
    while (received < TAGS) {
        uint64_t tag = received == 0 ? 0 : 1 + (uint64_t)rand() % received;
        struct frames f;

        if (owed < WINDOW && rand() % 3 > 0) {
            messages[++received].left = 1 + (size_t)rand() % 5;
            assert_true(ack_received(&a, received, messages[received].left, 1, 0));
            owed++;
        }
        if (tag != 0 && model[tag] == OPEN) {
            bool back = rand() % 8 == 0, last = --messages[tag].left == 0;
            bool now = back ? ack_give_back(&a, tag, 0) : ack_settle(&a, tag, 0);

            messages[tag].goes_back |= back;
            assert_int_equal(now, last && messages[tag].goes_back);
            model[tag] = !last ? OPEN : messages[tag].goes_back ? BACK : SETTLED;
        }
        if (rand() % 4 > 0) {
            continue;
        }
        f = flush(&a);
        for (size_t i = 0; i < f.count; i++) {
            assert_int_equal(model[f.tags[i]], SETTLED); /* unacked so far, and settled */
            for (uint64_t t = f.multiple[i] ? 1 : f.tags[i]; t <= f.tags[i]; t++) {
                assert_int_not_equal(model[t], OPEN);
                model[t] = model[t] == SETTLED ? ACKED : model[t];
            }
        }
        owed = 0;
        for (uint64_t t = 1; t <= received; t++) {
            assert_int_not_equal(model[t], SETTLED);
            owed += model[t] == OPEN;
        }
        assert_int_equal(ack_owed(&a), owed);
    }
    ack_free(&a);
}

static struct ack with_message_of(size_t events)
{
    struct ack a = with_received(10, 1);

    assert_true(ack_received(&a, 2, events, 30, 0));
    assert_false(ack_settle(&a, 1, 1));
    return a;
}

static void a_message_is_acked_when_its_last_event_is_settled(void **state)
{
    struct ack a = with_message_of(3);
    struct frames f = flush(&a);

    (void)state;
    assert_int_equal(f.tags[0], 1);
    assert_int_equal(ack_events(&a), 3);
    for (int i = 0; i < 2; i++) {
        assert_false(ack_settle(&a, 2, 1));
        assert_int_equal(flush(&a).count, 0);
        assert_int_equal(ack_owed(&a), 1);
        assert_int_equal(ack_bytes(&a), 29 - i); /* what is settled takes no memory */
    }
    assert_false(ack_settle(&a, 2, 1));
    f = flush(&a);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.tags[0], 2);
    assert_int_equal(ack_owed(&a), 0);
    assert_int_equal(ack_events(&a), 0);
    assert_int_equal(ack_bytes(&a), 0);
    ack_free(&a);
}

static void a_message_goes_back_whole_when_one_of_its_events_does(void **state)
{
    struct ack a = with_message_of(3);

    (void)state;
    assert_false(ack_give_back(&a, 2, 1));
    assert_false(ack_settle(&a, 2, 1));
    assert_true(ack_settle(&a, 2, 1)); /* now, and never an ack */
    assert_true(ack_received(&a, 3, 2, 1, 0));
    assert_false(ack_settle(&a, 3, 1));
    assert_int_equal(flush(&a).tags[0], 1);
    assert_true(ack_give_back(&a, 3, 1));
    assert_int_equal(flush(&a).count, 0);
    assert_int_equal(ack_owed(&a), 0);
    assert_int_equal(ack_events(&a), 0);
    ack_free(&a);
}

static void messages_acked_one_by_one_count_their_events(void **state)
{
    struct ack a = with_received(10, 1);

    (void)state;
    assert_true(ack_received(&a, 2, 2, 1, 0));
    assert_true(ack_received(&a, 3, 5, 1, 0));
    assert_false(ack_settle(&a, 2, 1));
    assert_false(ack_settle(&a, 2, 1));
    assert_int_equal(ack_events(&a), 8);
    assert_int_equal(flush(&a).tags[0], 2);
    assert_int_equal(ack_events(&a), 6);
    ack_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_acked_when_its_last_event_is_settled),
        cmocka_unit_test(a_message_goes_back_whole_when_one_of_its_events_does),
        cmocka_unit_test(messages_acked_one_by_one_count_their_events),
        cmocka_unit_test(an_ack_with_multiple_never_goes_past_a_tag_that_is_not_settled),
        cmocka_unit_test(one_tag_that_stays_unsettled_holds_up_no_other_for_ever),
        cmocka_unit_test(what_was_given_back_is_never_acked),
        cmocka_unit_test(a_delivery_out_of_order_or_over_the_most_is_refused),
        cmocka_unit_test(bytes_are_held_until_they_are_settled_or_given_back),
        cmocka_unit_test(the_oldest_is_the_one_of_those_that_are_not_settled),
        cmocka_unit_test(a_frame_that_cannot_be_sent_is_told),
        cmocka_unit_test(a_new_channel_numbers_from_one_again),
        cmocka_unit_test(random_orders_agree_with_the_model),
    };

    return cmocka_run_group_tests_name("ack", tests, NULL, NULL);
}
