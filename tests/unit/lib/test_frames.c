/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include "field.h"
#include "properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

static struct frames_message message(struct span properties)
{
    return (struct frames_message){
        .exchange = SPAN_LITERAL("webhooks"),
        .routing_key = SPAN_LITERAL("shop"),
        .properties = properties,
        .body_len = 0x0102,
        .correlation = 17,
    };
}

static void assert_bytes(struct span s, const char *expected, size_t len)
{
    assert_int_equal(s.len, len);
    assert_memory_equal(s.data, expected, len);
}

/* By hand from AMQP 0-9-1, 4.2.3, 4.2.6 and basic.publish. */
static void the_frames_are_as_the_specification_writes_them(void **state)
{
    static const char expected[] = "\1\0\1\0\0\0\25\0\74\0\50\0\0\10webhooks\4shop\1\316"
                                   "\2\0\1\0\0\0\22\0\74\0\0\0\0\0\0\0\0\1\2\24\0\2\2"
                                   "17\316"
                                   "\3\0\1\0\0\0\2ab\316";
    const char properties[] = "\20\0\2"; /* delivery_mode 2 */
    const struct frames_message m = message((struct span){properties, sizeof properties - 1});
    struct error error;
    struct buf out = {0};

    (void)state;
    assert_int_equal(frames_begin(&m, &out, &error), ERROR_NONE);
    frames_body(SPAN_LITERAL("ab"), &out);
    assert_bytes(buf_span(&out), expected, sizeof expected - 1);
    buf_free(&out);
}

/* The properties in the header frame, as librabbitmq reads them. */
static amqp_basic_properties_t *decode(const struct buf *out, amqp_pool_t *pool)
{
    const size_t header = 8 + 2 + 2 + 2 + 9 + 5 + 1 + 7 + 2 + 2 + 8; /* after the method frame */
    void *decoded;

    init_amqp_pool(pool, 4096);
    assert_int_equal(amqp_decode_properties(AMQP_BASIC_CLASS, pool,
                                            (amqp_bytes_t){out->len - header - 1, out->data + header},
                                            &decoded) >= 0,
                     true);
    return decoded;
}

static void assert_text(amqp_bytes_t bytes, const char *expected)
{
    assert_bytes((struct span){bytes.bytes, bytes.len}, expected, strlen(expected));
}

/* before and after the correlation_id, which is put only if not NULL. */
static void check_correlation(const char *correlation)
{
    struct buf properties = {0}, out = {0};
    struct frames_message m;
    amqp_basic_properties_t *decoded;
    amqp_pool_t pool;
    struct error error;

    field_put_integer(&properties,
                      PROPERTY_CONTENT_TYPE | PROPERTY_PRIORITY | PROPERTY_MESSAGE_ID |
                          (correlation == NULL ? 0U : (unsigned)PROPERTY_CORRELATION_ID),
                      2);
    field_put_short_string(&properties, SPAN_LITERAL("text/plain"));
    field_put_integer(&properties, 5, 1);
    if (correlation != NULL) {
        field_put_short_string(&properties, span_of(correlation));
    }
    field_put_short_string(&properties, SPAN_LITERAL("the-id"));
    m = message(buf_span(&properties));
    assert_int_equal(frames_begin(&m, &out, &error), ERROR_NONE);
    decoded = decode(&out, &pool);
    assert_text(decoded->content_type, "text/plain");
    assert_int_equal(decoded->priority, 5);
    assert_text(decoded->correlation_id, "17");
    assert_text(decoded->message_id, "the-id");
    empty_amqp_pool(&pool);
    buf_free(&out);
    buf_free(&properties);
}

static void the_correlation_replaces_one_that_was_there(void **state)
{
    (void)state;
    check_correlation(NULL);
    check_correlation("");
    check_correlation("from the first publisher");
}

static void properties_that_cannot_be_read_add_nothing(void **state)
{
    const struct frames_message m = message(SPAN_LITERAL("\20"));
    struct error error;
    struct buf out = {0};

    (void)state;
    buf_append_text(&out, "before");
    assert_int_equal(frames_begin(&m, &out, &error), ERROR_MALFORMED);
    assert_string_equal(buf_text(&out), "before");
    buf_free(&out);
}

static void without_memory_the_buffer_says_so(void **state)
{
    const char properties[] = "\20\0\2";
    const struct frames_message m = message((struct span){properties, sizeof properties - 1});
    struct error error;
    struct buf out = {.failed = true};

    (void)state;
    assert_int_equal(frames_begin(&m, &out, &error), ERROR_NONE);
    frames_body(SPAN_LITERAL("ab"), &out);
    assert_true(out.failed);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frames_are_as_the_specification_writes_them),
        cmocka_unit_test(the_correlation_replaces_one_that_was_there),
        cmocka_unit_test(properties_that_cannot_be_read_add_nothing),
        cmocka_unit_test(without_memory_the_buffer_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
