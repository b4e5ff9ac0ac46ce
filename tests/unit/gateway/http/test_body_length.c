/* SPDX-License-Identifier: MIT */
#include "gateway/http/body_length.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct body_length_limits limits = {.max_body = 1000, .max_header_bytes = 1024};
static struct body_length framing;
static struct reply reply;

static bool check(const char *const *headers)
{
    struct request r = make_request("POST", "/path", headers);

    return body_length_check(&r, &limits, &framing, &reply);
}

static void refused(const char *const *headers, enum reply_kind kind)
{
    assert_false(check(headers));
    assert_int_equal(reply.kind, kind);
    assert_true(reply_closes(reply.kind));
    assert_string_not_equal(reply.text, "");
}

static void a_length_is_taken_up_to_the_limit(void **state)
{
    (void)state;
    assert_true(check(HEADERS("Host", "a", "Content-Length", "1000")));
    assert_int_equal(framing.body, BODY_LENGTH_GIVEN);
    assert_int_equal(framing.length, 1000);
    refused(HEADERS("Host", "a", "Content-Length", "1001"), REPLY_TOO_LARGE);
    assert_non_null(strstr(reply.text, "1001"));
    assert_non_null(strstr(reply.text, "1000"));
}

static void neither_header_means_an_empty_body(void **state)
{
    (void)state;
    assert_true(check(HEADERS("Host", "a")));
    assert_int_equal(framing.body, BODY_LENGTH_NONE);
    assert_true(check(HEADERS("Host", "a", "Transfer-Encoding", "Chunked")));
    assert_int_equal(framing.body, BODY_LENGTH_CHUNKED);
}

static void framing_that_two_parties_may_read_differently_is_refused(void **state)
{
    static const char *const wrong[] = {"",    "+5",  "-5",   "5abc", "0x5",
                                        "5 6", "5,5", " 5\t", "1e3",  "1234567890123456789"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        refused(HEADERS("Host", "a", "Content-Length", wrong[i]), REPLY_MALFORMED);
    }
    refused(HEADERS("Host", "a", "Content-Length", "5", "content-length", "5"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Content-Length", "5", "Transfer-Encoding", "chunked"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"),
            REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "identity"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "gzip, chunked"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", ""), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Host", "a"), REPLY_MALFORMED);
    refused(HEADERS("X-Host", "a"), REPLY_MALFORMED);
}

static void http_1_0_needs_no_host_and_has_no_chunks(void **state)
{
    struct request r = make_request("POST", "/", HEADERS("Content-Length", "1"));

    (void)state;
    r.http_1_0 = true;
    assert_true(body_length_check(&r, &limits, &framing, &reply));
    assert_false(framing.keep_alive);
    r = make_request("POST", "/", HEADERS("Transfer-Encoding", "chunked"));
    r.http_1_0 = true;
    assert_false(body_length_check(&r, &limits, &framing, &reply));
}

static void headers_are_limited_in_number_and_in_bytes(void **state)
{
    static char value[2000];
    struct request r = make_request("POST", "/", HEADERS("Host", "a"));

    (void)state;
    memset(value, 'v', sizeof value - 1);
    refused(HEADERS("Host", "a", "X", value), REPLY_HEADERS);
    value[1024 - 6] = '\0'; /* "Host", "a", "X" take the rest */
    assert_true(check(HEADERS("Host", "a", "X", value)));
    value[300] = '\0';
    refused(HEADERS("Host", "a", value, "long name"), REPLY_HEADERS);
    while (r.header_count < REQUEST_HEADERS_MAX - 1) {
        r.headers[r.header_count++] = (struct request_header){span_of("x"), span_of("y")};
    }
    assert_true(body_length_check(&r, &limits, &framing, &reply));
    r.headers[r.header_count++] = (struct request_header){span_of("x"), span_of("y")};
    assert_false(body_length_check(&r, &limits, &framing, &reply));
    assert_int_equal(reply.kind, REPLY_HEADERS);
}

static void a_target_holds_printing_ascii_and_is_limited(void **state)
{
    static char path[20000] = "/";
    static const char *const wrong[] = {"", "/a b", "/caf\xc3\xa9", "/a\x7f", "/\x1f"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct request r = make_request("POST", wrong[i], HEADERS("Host", "a"));

        assert_false(body_length_check(&r, &limits, &framing, &reply));
        assert_int_equal(reply.kind, REPLY_MALFORMED);
    }
    memset(path + 1, 'x', 16384);
    struct request r = make_request("POST", path, HEADERS("Host", "a"));
    assert_false(body_length_check(&r, &limits, &framing, &reply));
    assert_int_equal(reply.kind, REPLY_LONG_TARGET);
    r.path.len--;
    assert_true(body_length_check(&r, &limits, &framing, &reply));
}

static void methods_are_those_seven_in_capitals(void **state)
{
    static const char *const taken[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    static const char *const refused_ones[] = {"get", "TRACE", "CONNECT", "PROPFIND", "", "POSTS"};
    struct request r;

    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        r = make_request(taken[i], "/", HEADERS("Host", "a"));
        assert_true(body_length_check(&r, &limits, &framing, &reply));
    }
    for (size_t i = 0; i < sizeof refused_ones / sizeof refused_ones[0]; i++) {
        r = make_request(refused_ones[i], "/", HEADERS("Host", "a"));
        assert_false(body_length_check(&r, &limits, &framing, &reply));
        assert_int_equal(reply.kind, REPLY_METHOD);
    }
}

static void only_100_continue_can_be_expected_and_only_for_a_body(void **state)
{
    (void)state;
    assert_true(check(HEADERS("Host", "a", "Content-Length", "5", "Expect", "100-Continue")));
    assert_true(framing.expect_continue);
    assert_true(check(HEADERS("Host", "a", "Content-Length", "0", "Expect", "100-continue")));
    assert_false(framing.expect_continue);
    refused(HEADERS("Host", "a", "Expect", "a miracle"), REPLY_EXPECTATION);
}

static void the_connection_lives_on_unless_the_sender_ends_it(void **state)
{
    (void)state;
    assert_true(check(HEADERS("Host", "a")));
    assert_true(framing.keep_alive);
    assert_true(check(HEADERS("Host", "a", "Connection", "te, Keep-Alive")));
    assert_true(framing.keep_alive);
    assert_true(check(HEADERS("Host", "a", "Connection", "te ,close")));
    assert_false(framing.keep_alive);
    assert_true(check(HEADERS("Host", "a", "Connection", "Upgrade", "Upgrade", "websocket")));
    assert_false(framing.keep_alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_is_taken_up_to_the_limit),
        cmocka_unit_test(neither_header_means_an_empty_body),
        cmocka_unit_test(framing_that_two_parties_may_read_differently_is_refused),
        cmocka_unit_test(http_1_0_needs_no_host_and_has_no_chunks),
        cmocka_unit_test(headers_are_limited_in_number_and_in_bytes),
        cmocka_unit_test(a_target_holds_printing_ascii_and_is_limited),
        cmocka_unit_test(methods_are_those_seven_in_capitals),
        cmocka_unit_test(only_100_continue_can_be_expected_and_only_for_a_body),
        cmocka_unit_test(the_connection_lives_on_unless_the_sender_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
