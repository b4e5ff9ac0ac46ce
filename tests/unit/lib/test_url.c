/* SPDX-License-Identifier: MIT */
#include "url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_url_is_scheme_authority_and_rest(void **state)
{
    static const struct {
        const char *text, *scheme, *authority, *rest;
    } cases[] = {
        {"amqp://u@host:5672/vhost", "amqp", "u@host:5672", "/vhost"},
        {"http://host", "http", "host", ""},
        {"https://[::1]:8080?q=/", "https", "[::1]:8080", "?q=/"},
        {"postgresql:///db", "postgresql", "", "/db"},
        {"host/path", "", "host", "/path"},
        {"http://", "http", "", ""},
        {"", "", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url url = url_split(cases[i].text);

        assert_true(span_equal(url.scheme, span_of(cases[i].scheme)));
        assert_true(span_equal(url.authority, span_of(cases[i].authority)));
        assert_string_equal(url.rest.data, cases[i].rest);
    }
}

static void a_url_may_name_several_servers_and_each_gives_a_url_of_its_own(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *each[3];
    } cases[] = {
        {"amqp://u@h1:5672,h2,[::1]:5673/v",
         3,
         {"amqp://u@h1:5672/v", "amqp://u@h2/v", "amqp://u@[::1]:5673/v"}},
        {"amqp://a,b@h1,h2", 2, {"amqp://a,b@h1", "amqp://a,b@h2"}},
        {"http://h1/a,b", 1, {"http://h1/a,b"}},
        {"amqp://u@h1,/v", 2, {"amqp://u@h1/v", "amqp://u@/v"}},
        {"", 1, {""}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(url_servers(cases[i].text), cases[i].count);
        for (size_t n = 0; n < cases[i].count; n++) {
            struct buf one = {0};

            url_of_server(cases[i].text, n, &one);
            assert_string_equal(buf_text(&one), cases[i].each[n]);
            buf_free(&one);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_scheme_authority_and_rest),
        cmocka_unit_test(a_url_may_name_several_servers_and_each_gives_a_url_of_its_own),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
