/* SPDX-License-Identifier: MIT */
#include "gateway/http/proxies.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct request apply(const char *trusted, const char *peer, const char *const *headers)
{
    struct request r = make_request("POST", "/", headers);
    struct proxies proxies;
    struct error error;

    r.remote = span_of(peer);
    assert_int_equal(proxies_read(trusted, &proxies, &error), ERROR_NONE);
    proxies_apply(&proxies, &r);
    return r;
}

static void assert_remote(const char *trusted, const char *peer, const char *list, const char *expected)
{
    struct request r = apply(trusted, peer, HEADERS("X-Forwarded-For", list));

    if (!span_equal(r.remote, span_of(expected))) {
        fail_msg("%s, %s, '%s': %.*s", trusted, peer, list, (int)r.remote.len, r.remote.data);
    }
}

/* The same where one of our proxies, at 10.0.0.1, passes the request on. */
static void assert_passed_on(const char *list, const char *expected)
{
    assert_remote("10.0.0.0/8", "10.0.0.1", list, expected);
}

static void the_sender_is_the_right_most_untrusted_address(void **state)
{
    (void)state;
    assert_passed_on("203.0.113.7", "203.0.113.7");
    assert_passed_on("198.51.100.1, 203.0.113.7", "203.0.113.7");
    assert_passed_on("198.51.100.1, 203.0.113.7 ,10.1.2.3", "203.0.113.7");
    assert_passed_on("10.9.9.9,10.1.2.3", "10.9.9.9");
    assert_passed_on("", "10.0.0.1");
    assert_remote("10.0.0.0/8,192.168.0.0/16", "192.168.7.7", "2001:db8::1, 10.0.0.4", "2001:db8::1");
    assert_remote("2001:db8::/32", "2001:db8:1::5", "203.0.113.7", "203.0.113.7");
    assert_remote("::1", "::1", "203.0.113.7", "203.0.113.7");
    assert_remote("127.0.0.1", "::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7");
    assert_remote("10.0.0.0/9", "10.127.255.255", "203.0.113.7", "203.0.113.7");
    assert_remote("0.0.0.0/0", "192.0.2.1", "203.0.113.7", "203.0.113.7");
}

static void forwarded_headers_from_an_untrusted_peer_are_ignored(void **state)
{
    struct request r = apply("10.0.0.0/8", "203.0.113.7",
                             HEADERS("Host", "own", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host", "evil",
                                     "X-Forwarded-Proto", "https"));

    (void)state;
    assert_true(span_equal(r.remote, SPAN_LITERAL("203.0.113.7")));
    assert_true(span_equal(r.host, SPAN_LITERAL("own")));
    assert_false(r.https);
    assert_remote("", "127.0.0.1", "1.2.3.4", "127.0.0.1");
    assert_remote("10.0.0.0/9", "10.128.0.0", "1.2.3.4", "10.128.0.0");
    assert_remote("::/0", "not an address", "1.2.3.4", "not an address");
    assert_remote("10.0.0.0/8", "2001:db8::1", "1.2.3.4", "2001:db8::1");
}

static void ports_and_brackets_are_not_part_of_an_address(void **state)
{
    (void)state;
    assert_passed_on("203.0.113.7:4711", "203.0.113.7");
    assert_passed_on("[2001:db8::1]:4711", "2001:db8::1");
    assert_passed_on("[2001:db8::1]", "2001:db8::1");
}

static void items_left_of_an_invalid_address_are_ignored(void **state)
{
    (void)state;
    assert_passed_on("203.0.113.7, unknown", "10.0.0.1");
    assert_passed_on("203.0.113.7, unknown, 10.0.0.9", "10.0.0.9");
    assert_passed_on("203.0.113.7,, 10.0.0.9", "10.0.0.9");
    assert_passed_on("203.0.113.7, 1.2.3.4.5", "10.0.0.1");
    assert_passed_on("1.2.3.4, []", "10.0.0.1");
    assert_passed_on("1.2.3.4, [", "10.0.0.1");
    assert_passed_on("1.2.3.4, \xe9", "10.0.0.1");
    assert_passed_on("1.2.3.4, 0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", "10.0.0.1");
}

static void repeated_headers_form_one_list(void **state)
{
    struct request r =
        apply("10.0.0.0/8", "10.0.0.1",
              HEADERS("X-Forwarded-For", "1.2.3.4, 203.0.113.7", "X-Forwarded-Host", "evil",
                      "X-Forwarded-Proto", "http", "x-forwarded-for", "10.0.0.2", "x-forwarded-host",
                      "hooks.example.com:8443, inner", "x-forwarded-proto", "HTTPS, http", "Host", "inside"));

    (void)state;
    assert_true(span_equal(r.remote, SPAN_LITERAL("203.0.113.7")));
    assert_true(span_equal(r.host, SPAN_LITERAL("hooks.example.com:8443")));
    assert_true(r.https);
    r = apply("10.0.0.0/8", "10.0.0.1",
              HEADERS("X-Forwarded-Proto", "gopher", "X-Forwarded-Host", "", "Host", "inside"));
    assert_true(span_equal(r.host, SPAN_LITERAL("inside")));
    assert_false(r.https);
}

static void assert_reached(const char *sent_by, const char *hosts, const char *schemes, const char *host,
                           bool https)
{
    struct request r = apply("10.0.0.0/8", "10.0.0.1",
                             HEADERS("Host", "inside", "X-Forwarded-For", sent_by, "X-Forwarded-Host", hosts,
                                     "X-Forwarded-Proto", schemes));

    if (!span_equal(r.host, span_of(host)) || r.https != https) {
        fail_msg("%s; %s; %s: %.*s, %d", sent_by, hosts, schemes, (int)r.host.len, r.host.data, r.https);
    }
}

static void host_and_scheme_are_those_at_the_proxy_that_the_sender_reached(void **state)
{
    (void)state;
    /* One proxy: the items to the left of its own are from the sender. */
    assert_reached("203.0.113.7", "hooks.example.com", "https", "hooks.example.com", true);
    assert_reached("203.0.113.7", "evil, hooks.example.com", "http, https", "hooks.example.com", true);
    /* Two and three proxies, each of which appends an item. */
    assert_reached("203.0.113.7, 10.0.0.2", "hooks.example.com, inner", "https, http", "hooks.example.com",
                   true);
    assert_reached("203.0.113.7, 10.0.0.3, 10.0.0.2", "evil, hooks.example.com, b, c",
                   "http, https, http, http", "hooks.example.com", true);
    assert_reached("203.0.113.7, 10.0.0.2", "hooks.example.com, inner", "http, https", "hooks.example.com",
                   false);
    /* Only the first one appends an item; the others pass it on. */
    assert_reached("203.0.113.7, 10.0.0.3, 10.0.0.2", "hooks.example.com", "https", "hooks.example.com",
                   true);
    /* None appends an address: the right-most item counts. */
    assert_reached("", "a, b", "http, https", "b", true);
    /* All are trusted. */
    assert_reached("10.0.0.3, 10.0.0.2", "a, b", "https, http", "a", true);
}

static void assert_wrong(const char *text, const char *says)
{
    struct proxies proxies;
    struct error error;

    assert_int_equal(proxies_read(text, &proxies, &error), ERROR_SETTING);
    if (strstr(error.text, says) == NULL) {
        fail_msg("'%s': %s", text, error.text);
    }
}

static void invalid_networks_are_named(void **state)
{
    struct buf many = {0};

    (void)state;
    assert_wrong("10.0.0.0/8, proxy.example", "'proxy.example' is no IP address");
    assert_wrong("10.0.0.0/33", "'10.0.0.0/33' has no number of bits from 0 to 32");
    assert_wrong("2001:db8::/129", "from 0 to 128");
    assert_wrong("10.0.0.0/", "behind the /");
    assert_wrong("10.0.0.0/-1", "behind the /");
    assert_wrong("10.0.0.0/0008", "behind the /");
    assert_wrong("10.0.0.1/8", "set the bits");
    assert_wrong("2001:db8::1/32", "set the bits");
    assert_wrong("10.0.0.0/8,", "comma");
    assert_wrong(",10.0.0.0/8", "''");
    assert_wrong("10.0.0.0/8,,::1", "''");
    assert_wrong(" ", "''");
    assert_wrong("10.0.0/8", "is no IP address");
    for (int i = 0; i <= PROXIES_NETWORKS_MAX; i++) {
        buf_append_text(&many, i > 0 ? ",10.0.0.0/8" : "10.0.0.0/8");
    }
    assert_wrong(buf_text(&many), "more than 32");
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sender_is_the_right_most_untrusted_address),
        cmocka_unit_test(forwarded_headers_from_an_untrusted_peer_are_ignored),
        cmocka_unit_test(ports_and_brackets_are_not_part_of_an_address),
        cmocka_unit_test(items_left_of_an_invalid_address_are_ignored),
        cmocka_unit_test(repeated_headers_form_one_list),
        cmocka_unit_test(host_and_scheme_are_those_at_the_proxy_that_the_sender_reached),
        cmocka_unit_test(invalid_networks_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
