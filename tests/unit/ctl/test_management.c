/* SPDX-License-Identifier: MIT */
#include "ctl/management.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_vhost(const char *url, const char *wanted_name, const char *wanted_segment)
{
    struct buf segment = {0}, name = {0};

    management_vhost(url, &segment, &name);
    assert_string_equal(buf_text(&name), wanted_name);
    assert_string_equal(buf_text(&segment), wanted_segment);
    buf_free(&segment);
    buf_free(&name);
}

static void vhost_is_what_follows_the_brokers_address(void **state)
{
    (void)state;
    assert_vhost("amqp://sluice-setup@127.0.0.1:5672/sluice", "sluice", "sluice");
    assert_vhost("amqps://u@[::1]:5671/other", "other", "other");
    assert_vhost("amqp://u@host/a.b-c_d", "a.b-c_d", "a.b-c_d");
}

static void vhost_is_escaped_as_one_segment_of_a_path(void **state)
{
    (void)state;
    assert_vhost("amqp://u@host:5672/%2F", "/", "%2F");
    assert_vhost("amqp://u@host:5672/a%2Fb", "a/b", "a%2Fb");
    assert_vhost("amqp://u@host:5672/a%20b", "a b", "a%20b");
}

static void no_vhost_is_the_one_that_rabbitmq_is_born_with(void **state)
{
    (void)state;
    assert_vhost("amqp://u@host:5672", "/", "%2F");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vhost_is_what_follows_the_brokers_address),
        cmocka_unit_test(vhost_is_escaped_as_one_segment_of_a_path),
        cmocka_unit_test(no_vhost_is_the_one_that_rabbitmq_is_born_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
