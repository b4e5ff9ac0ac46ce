/* SPDX-License-Identifier: MIT */
#include "worker/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_event.h"

static void check_ids(const struct batch *batch, const char *const *ids, size_t count)
{
    assert_int_equal(batch->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(span_equal(batch->events[i]->envelope.id, span_of(ids[i])));
    }
}

static void empty_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        event_free(batch->events[i]);
    }
    batch->count = 0;
}

static void a_batch_is_sorted_by_source_and_id_as_bytes(void **state)
{
    struct event_queue queue = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 10, 100, NULL), ERROR_NONE);
    event_queue_push(&queue, make_event("b", "1", 1));
    event_queue_push(&queue, make_event("a", "b", 1));
    event_queue_push(&queue, make_event("a", "B", 1));
    event_queue_push(&queue, make_event("a", "ab", 1));
    event_queue_push(&queue, make_event("a", "a", 1));
    batch_take(&batch, &queue);
    check_ids(&batch, (const char *const[]){"B", "a", "ab", "b", "1"}, 5);
    assert_int_equal(queue.count, 0);
    batch_free(&batch);
}

static void a_batch_is_full_by_count(void **state)
{
    struct event_queue queue = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 2, 100, NULL), ERROR_NONE);
    event_queue_push(&queue, make_event("a", "1", 1));
    event_queue_push(&queue, make_event("a", "2", 1));
    event_queue_push(&queue, make_event("a", "3", 1));
    batch_take(&batch, &queue);
    check_ids(&batch, (const char *const[]){"1", "2"}, 2);
    assert_int_equal(queue.count, 1);
    empty_batch(&batch);
    batch_take(&batch, &queue);
    check_ids(&batch, (const char *const[]){"3"}, 1);
    batch_free(&batch);
}

static void a_batch_is_full_by_bytes_and_an_event_over_them_goes_alone(void **state)
{
    struct event_queue queue = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 10, 100, NULL), ERROR_NONE);
    event_queue_push(&queue, make_event("a", "1", 60));
    event_queue_push(&queue, make_event("a", "2", 40));
    event_queue_push(&queue, make_event("a", "3", 500));
    event_queue_push(&queue, make_event("a", "4", 1));
    batch_take(&batch, &queue);
    check_ids(&batch, (const char *const[]){"1", "2"}, 2);
    assert_int_equal(batch.bytes, 100);
    empty_batch(&batch);
    batch_take(&batch, &queue);
    check_ids(&batch, (const char *const[]){"3"}, 1);
    empty_batch(&batch);
    batch_take(&batch, &queue);
    check_ids(&batch, (const char *const[]){"4"}, 1);
    batch_free(&batch);
}

static void an_event_is_taken_as_new_alone_or_with_others(void **state)
{
    struct event_queue queue = {0};
    struct event *event = make_event("a", "1", 7);
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 10, 100, NULL), ERROR_NONE);
    event_fail(event, VERDICT_TRANSIENT, "40001", "again");
    batch_take_one(&batch, event);
    check_ids(&batch, (const char *const[]){"1"}, 1);
    assert_int_equal(batch.bytes, 7);
    assert_int_equal(event->state, EVENT_WAITING);
    batch.count = 0;
    event_fail(event, VERDICT_TRANSIENT, "40001", "again");
    event_queue_push(&queue, event);
    batch_take(&batch, &queue);
    assert_int_equal(event->state, EVENT_WAITING);
    batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_sorted_by_source_and_id_as_bytes),
        cmocka_unit_test(a_batch_is_full_by_count),
        cmocka_unit_test(a_batch_is_full_by_bytes_and_an_event_over_them_goes_alone),
        cmocka_unit_test(an_event_is_taken_as_new_alone_or_with_others),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
