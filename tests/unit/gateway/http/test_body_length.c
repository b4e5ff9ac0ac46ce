/* SPDX-License-Identifier: MIT */
#include "gateway/http/body_length.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct body_length framing;
static struct reply reply;

static bool check(const char *const *headers)
{
    struct request r = make_request("POST", "/path", headers);

    return body_length_check(&r, &framing, &reply) && body_length_expect(&r, &framing, &reply);
}

static void refused(const char *const *headers, enum reply_kind kind)
{
    assert_false(check(headers));
    assert_int_equal(reply.kind, kind);
    assert_true(reply_closes(reply.kind));
    assert_string_not_equal(reply.text, "");
}

static void a_length_is_a_number(void **state)
{
    (void)state;
    assert_true(check(HEADERS("Host", "a", "Content-Length", "1000")));
    assert_int_equal(framing.body, BODY_LENGTH_GIVEN);
    assert_int_equal(framing.length, 1000);
    assert_true(check(HEADERS("Host", "a", "Content-Length", "000000000000000007")));
    assert_int_equal(framing.length, 7);
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
    refused(HEADERS("Host", "a", "Transfer-Encoding", "chunked, gzip"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "chunked x"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "xchunked"), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", ""), REPLY_MALFORMED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "chunked", "Content-Length", "5"), REPLY_MALFORMED);
}

static void a_coding_before_chunked_is_not_implemented(void **state)
{
    (void)state;
    refused(HEADERS("Host", "a", "Transfer-Encoding", "gzip, chunked"), REPLY_NOT_IMPLEMENTED);
    refused(HEADERS("Host", "a", "Transfer-Encoding", "chunked, chunked"), REPLY_NOT_IMPLEMENTED);
}

static void http_1_0_has_no_chunks(void **state)
{
    struct request r = make_request("POST", "/", HEADERS("Content-Length", "1"));

    (void)state;
    r.http_1_0 = true;
    assert_true(body_length_check(&r, &framing, &reply));
    assert_false(framing.keep_alive);
    r = make_request("POST", "/", HEADERS("Transfer-Encoding", "chunked"));
    r.http_1_0 = true;
    assert_false(body_length_check(&r, &framing, &reply));
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
    assert_true(check(HEADERS("Host", "a", "Connection", "keep-alive", "Connection", "close")));
    assert_false(framing.keep_alive);
    assert_true(check(HEADERS("Host", "a", "Connection", "Upgrade", "Upgrade", "websocket")));
    assert_true(framing.keep_alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_is_a_number),
        cmocka_unit_test(neither_header_means_an_empty_body),
        cmocka_unit_test(framing_that_two_parties_may_read_differently_is_refused),
        cmocka_unit_test(a_coding_before_chunked_is_not_implemented),
        cmocka_unit_test(http_1_0_has_no_chunks),
        cmocka_unit_test(only_100_continue_can_be_expected_and_only_for_a_body),
        cmocka_unit_test(the_connection_lives_on_unless_the_sender_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
