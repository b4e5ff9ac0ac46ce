/* SPDX-License-Identifier: MIT */
#include "ctl/listen/forward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void only_http_urls_with_a_host_are_taken(void **state)
{
    static const char *const wrong[] = {"",         "localhost:3000", "ftp://h/",    "file:///etc/passwd",
                                        "http:///", "https://",       "HTTP://host", "://h"};

    (void)state;
    assert_true(forward_url_valid("http://localhost:3000"));
    assert_true(forward_url_valid("https://h/path?q=1"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(forward_url_valid(wrong[i]));
    }
}

static bool passes(const char *name, const char *value)
{
    const struct envelope_header header = {span_of(name), span_of(value)};

    return forward_header_passes(&header);
}

static void headers_of_one_connection_and_what_is_no_header_stay_behind(void **state)
{
    (void)state;
    assert_true(passes("x-kept", "a\tb \xc3\xa9"));
    assert_true(passes("x-empty", ""));
    assert_false(passes("host", "gateway"));
    assert_false(passes("content-length", "3"));
    assert_false(passes("transfer-encoding", "chunked"));
    assert_false(passes("connection", "close"));
    assert_false(passes("expect", "100-continue"));
    assert_false(passes("", "x"));
    assert_false(passes("x y", "x"));
    assert_false(passes("x:y", "x"));
    assert_false(passes("x\r\ny", "x"));
    assert_false(passes("x\xc3\xa9", "x"));
    assert_false(passes("x", "a\r\nauthorization: b"));
    assert_false(passes("x", "a\x7f"));
}

static void assert_target(const char *url, const char *path, const char *query, const char *wanted)
{
    const struct envelope e = {.path = span_of(path), .query = span_of(query)};
    struct buf out = {0};

    forward_append_target(&out, url, &e);
    assert_string_equal(buf_text(&out), wanted);
    buf_free(&out);
}

static void a_url_without_a_path_gets_that_of_the_event_and_never_another_host(void **state)
{
    (void)state;
    assert_target("http://h", "/a", "", "/a");
    assert_target("http://h", "/a", "b=%00", "/a?b=%00");
    assert_target("http://h", "@evil/", "", "/@evil/");
    assert_target("http://h", "", "q", "/?q");
    assert_target("http://h/", "/a", "b", "");
    assert_target("http://h/hook", "/a", "b", "");
    assert_target("http://h?x", "/a", "b", "");
}

static void what_is_no_request_is_not_sent(void **state)
{
    const struct envelope events[] = {
        {.method = SPAN_LITERAL("GET / HTTP/1.1\r\nx:"), .path = SPAN_LITERAL("/")},
        {.method = SPAN_LITERAL(""), .path = SPAN_LITERAL("/")},
        {.method = SPAN_LITERAL("GET"), .path = SPAN_LITERAL("/\r\nx: y")},
    };
    struct forward_result result;

    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        forward_event(NULL, "http://h", &events[i], (struct span){NULL, 0}, &result);
        assert_int_equal(result.status, 0);
        assert_false(result.delivered);
        assert_string_equal(result.problem, "its method or path can't be sent as an HTTP request");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_http_urls_with_a_host_are_taken),
        cmocka_unit_test(headers_of_one_connection_and_what_is_no_header_stay_behind),
        cmocka_unit_test(a_url_without_a_path_gets_that_of_the_event_and_never_another_host),
        cmocka_unit_test(what_is_no_request_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
