/* SPDX-License-Identifier: MIT */
#include "gateway/http/target.h"

#include "envelope.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct request request;
static struct reply reply;

static bool read_as(const char *method, const char *target, const char *const *headers)
{
    request = make_request(method, "", headers);
    request.host = (struct span){"", 0};
    return target_read(span_of(target), &request, &reply);
}

static bool read_target(const char *target)
{
    return read_as("POST", target, HEADERS("Host", "named"));
}

static void assert_read(const char *target, const char *path, const char *query, const char *host)
{
    assert_true(read_target(target));
    assert_true(span_equal(request.path, span_of(path)));
    assert_true(span_equal(request.query, span_of(query)));
    assert_true(span_equal(request.host, span_of(host)));
}

static void a_path_is_kept_as_it_came_up_to_the_question_mark(void **state)
{
    (void)state;
    assert_read("/", "/", "", "named");
    assert_read("/a/../b//%2F?x=?&y#z", "/a/../b//%2F", "x=?&y#z", "named");
    assert_read("/?", "/", "", "named");
    assert_read("//other/x", "//other/x", "", "named");
    assert_read("/http://other/x", "/http://other/x", "", "named");
}

static void the_host_of_a_url_replaces_host(void **state)
{
    (void)state;
    assert_read("http://other/a?b", "/a", "b", "other");
    assert_read("HTTPS://other:8443/a", "/a", "", "other:8443");
    assert_read("http://[::1]:80/a", "/a", "", "[::1]:80");
    assert_read("http://other", "/", "", "other");
    assert_read("http://other?a", "/", "a", "other");
}

static void only_options_may_be_about_the_whole_server(void **state)
{
    (void)state;
    assert_true(read_as("OPTIONS", "*", HEADERS("Host", "a")));
    assert_true(span_equal(request.path, span_of(TARGET_SERVER)));
    assert_true(read_as("OPTIONS", "http://other", HEADERS("Host", "a")));
    assert_true(span_equal(request.path, span_of(TARGET_SERVER)));
    assert_true(read_as("OPTIONS", "http://other/", HEADERS("Host", "a")));
    assert_true(span_equal(request.path, span_of("/")));
    assert_false(read_as("POST", "*", HEADERS("Host", "a")));
    assert_false(read_as("OPTIONS", "**", HEADERS("Host", "a")));
}

static void other_targets_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "a",
        "*",
        "?a",
        "#a",
        "other/x",
        "other:80",
        "ftp://other/x",
        "http:/other/x",
        "http://",
        "http:///x",
        "http://user@other/x",
        "http://a b/x",
        "http://a,b/x",
        "http://a:b/x",
        "http://other#x",
        "https:other",
        "/a b",
        "/caf\xc3\xa9",
        "/a\x7f",
        "/\x1f",
        "/\t",
        "http://other/\x80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_target(wrong[i]) || reply.kind != REPLY_MALFORMED) {
            fail_msg("'%s': %d", wrong[i], (int)reply.kind);
        }
    }
}

static void a_target_has_a_limit(void **state)
{
    static char target[ENVELOPE_TARGET_MAX + 2] = "/";

    (void)state;
    memset(target + 1, 'x', ENVELOPE_TARGET_MAX);
    assert_false(read_target(target));
    assert_int_equal(reply.kind, REPLY_LONG_TARGET);
    target[ENVELOPE_TARGET_MAX] = '\0';
    assert_true(read_target(target));
}

static void there_is_one_host_unless_the_version_is_1_0(void **state)
{
    (void)state;
    assert_false(read_as("POST", "/", HEADERS("X-Host", "a")));
    assert_false(read_as("POST", "/", HEADERS("Host", "a", "host", "a")));
    assert_false(read_as("POST", "http://other/", HEADERS("X-Host", "a")));
    request = make_request("POST", "", HEADERS("X-Host", "a"));
    request.http_1_0 = true;
    assert_true(target_read(SPAN_LITERAL("/"), &request, &reply));
    request = make_request("POST", "", HEADERS("Host", "a", "Host", "b"));
    request.http_1_0 = true;
    assert_false(target_read(SPAN_LITERAL("/"), &request, &reply));
}

static void a_host_is_a_name_and_a_port(void **state)
{
    static const char *const fine[] = {"",
                                       "a",
                                       "hooks.example.com:8443",
                                       "a_b-c~",
                                       "127.0.0.1:80",
                                       "a:",
                                       "[::1]",
                                       "[::1]:443",
                                       "[v1.a:b]",
                                       "%41b",
                                       "a!$&'()*+;=b"};
    static const char *const wrong[] = {
        "a b",   "u@a",  "a/b", "a?b",  "a#b", "a:1:2", "a,b", "[::1", "::1",     "a]",    "[::1]a",     "[]",
        "\"a\"", "a\tb", "a:b", "a:+1", "<a>", "a\\b",  "%4",  "%zz",  "[::1]:x", "[a b]", "caf\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        if (!read_as("POST", "/", HEADERS("Host", fine[i]))) {
            fail_msg("%s", fine[i]);
        }
        assert_true(span_equal(request.host, span_of(fine[i])));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (read_as("POST", "/", HEADERS("Host", wrong[i])) || reply.kind != REPLY_MALFORMED) {
            fail_msg("%s", wrong[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_kept_as_it_came_up_to_the_question_mark),
        cmocka_unit_test(the_host_of_a_url_replaces_host),
        cmocka_unit_test(only_options_may_be_about_the_whole_server),
        cmocka_unit_test(other_targets_are_refused),
        cmocka_unit_test(a_target_has_a_limit),
        cmocka_unit_test(there_is_one_host_unless_the_version_is_1_0),
        cmocka_unit_test(a_host_is_a_name_and_a_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
