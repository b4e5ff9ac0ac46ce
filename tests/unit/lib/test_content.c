/* SPDX-License-Identifier: MIT */
#include "content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_delivery_is_put_together_from_its_frames(void **state)
{
    struct content c = {0};
    struct broker_event event = {0};

    (void)state;
    content_begin_delivery(&c, 7, true, SPAN_LITERAL("source"));
    assert_false(content_header(&c, SPAN_LITERAL("props"), 6, 0, &event, NULL));
    assert_false(content_body(&c, SPAN_LITERAL("bo"), &event, NULL));
    assert_true(content_body(&c, SPAN_LITERAL("dy\0!"), &event, NULL));
    assert_int_equal(event.kind, BROKER_DELIVERY);
    assert_int_equal(event.delivery->tag, 7);
    assert_true(event.delivery->redelivered);
    assert_true(span_equal(event.delivery->routing_key, SPAN_LITERAL("source")));
    assert_true(span_equal(event.delivery->properties, SPAN_LITERAL("props")));
    assert_true(span_equal(event.delivery->body, SPAN_LITERAL("body\0!")));
    assert_null(c.delivery);
    free(event.delivery);
}

static void an_empty_delivery_is_whole_with_its_header(void **state)
{
    struct content c = {0};
    struct broker_event event = {0};

    (void)state;
    content_begin_delivery(&c, 1, false, (struct span){NULL, 0});
    assert_true(content_header(&c, (struct span){NULL, 0}, 0, 0, &event, NULL));
    assert_int_equal(event.kind, BROKER_DELIVERY);
    assert_int_equal(event.delivery->body.len, 0);
    free(event.delivery);
}

static void of_a_returned_message_only_the_correlation_is_kept(void **state)
{
    struct content c = {0};
    struct broker_event event = {0};

    (void)state;
    content_begin_return(&c);
    assert_false(content_header(&c, SPAN_LITERAL("props"), 4, 99, &event, NULL));
    assert_true(content_body(&c, SPAN_LITERAL("body"), &event, NULL));
    assert_int_equal(event.kind, BROKER_RETURNED);
    assert_int_equal(event.correlation, 99);
}

static void more_than_the_header_says_closes_the_connection(void **state)
{
    struct content c = {0};
    struct broker_event event = {0};
    struct error error;

    (void)state;
    content_begin_delivery(&c, 1, false, SPAN_LITERAL("s"));
    assert_false(content_header(&c, SPAN_LITERAL("p"), 3, 0, &event, &error));
    assert_true(content_body(&c, SPAN_LITERAL("four"), &event, &error));
    assert_int_equal(event.kind, BROKER_CLOSED);
    assert_non_null(strstr(error.text, "4 body bytes where 3 were left"));
    content_free(&c);
}

static void a_size_that_nobody_has_closes_the_connection(void **state)
{
    struct content c = {0};
    struct broker_event event = {0};
    struct error error;

    (void)state;
    content_begin_delivery(&c, 1, false, SPAN_LITERAL("s"));
    assert_true(content_header(&c, SPAN_LITERAL("p"), UINT64_MAX, 0, &event, &error));
    assert_int_equal(event.kind, BROKER_CLOSED);
    assert_int_equal(error.code, ERROR_MEMORY);
    content_free(&c);
}

static void what_belongs_to_nothing_is_passed_over(void **state)
{
    struct content c = {0};
    struct broker_event event = {0};

    (void)state;
    assert_false(content_header(&c, SPAN_LITERAL("p"), 0, 0, &event, NULL));
    assert_int_equal(event.kind, BROKER_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delivery_is_put_together_from_its_frames),
        cmocka_unit_test(an_empty_delivery_is_whole_with_its_header),
        cmocka_unit_test(of_a_returned_message_only_the_correlation_is_kept),
        cmocka_unit_test(more_than_the_header_says_closes_the_connection),
        cmocka_unit_test(a_size_that_nobody_has_closes_the_connection),
        cmocka_unit_test(what_belongs_to_nothing_is_passed_over),
    };

    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
