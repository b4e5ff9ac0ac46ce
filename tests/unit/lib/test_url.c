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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_scheme_authority_and_rest),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
