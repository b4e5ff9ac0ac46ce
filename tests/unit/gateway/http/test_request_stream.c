/* SPDX-License-Identifier: MIT */
#include "gateway/http/request_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct request_stream stream;

/* What goes on of a text that comes in pieces of this many bytes. */
static const char *pass(const char *text, size_t piece)
{
    static char seen[4096];
    size_t len = strlen(text), seen_len = 0;

    request_stream_begin(&stream);
    for (size_t in = 0; in < len; in += piece) {
        size_t part = piece < len - in ? piece : len - in;

        memcpy(seen + seen_len, text + in, part);
        seen_len += request_stream_take(&stream, seen + seen_len, part);
    }
    seen[seen_len] = '\0';
    return seen;
}

static void assert_passes(const char *text, const char *expected, enum request_stream_at at, uint64_t heads)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        assert_string_equal(pass(text, piece), expected);
        assert_int_equal(stream.at, at);
        assert_int_equal(stream.heads, heads);
    }
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define WHOLE "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
#define BARE "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void requests_follow_each_other(void **state)
{
    (void)state;
    assert_passes(BARE BARE WHOLE BARE, BARE BARE WHOLE BARE, REQUEST_STREAM_HEAD, 4);
    assert_passes(CHUNKED "5;a\r\nhello\r\n0\r\nA: b\r\n\r\n" BARE, CHUNKED "5\r\nhello\r\n0\r\n\r\n" BARE,
                  REQUEST_STREAM_HEAD, 2);
    assert_passes(CHUNKED "5;a\r\nhe", CHUNKED "5\r\nhe", REQUEST_STREAM_CHUNKS, 1);
    assert_passes("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" BARE,
                  "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" BARE, REQUEST_STREAM_HEAD, 2);
    assert_passes("POST / HTTP/1.1\r\ncontent-LENGTH:\t 00005 \t\r\n\r\nhello" BARE,
                  "POST / HTTP/1.1\r\ncontent-LENGTH:\t 00005 \t\r\n\r\nhello" BARE, REQUEST_STREAM_HEAD, 2);
    assert_passes("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello",
                  "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello", REQUEST_STREAM_BODY, 1);
}

static void empty_lines_before_a_request_do_not_end_its_head(void **state)
{
    (void)state;
    assert_passes("\r\n" WHOLE BARE, "\r\n" WHOLE BARE, REQUEST_STREAM_HEAD, 2);
    assert_passes("\r\n\r\n" WHOLE "\r\n" BARE, "\r\n\r\n" WHOLE "\r\n" BARE, REQUEST_STREAM_HEAD, 2);
}

static void after_bad_chunks_nothing_goes_on(void **state)
{
    (void)state;
    assert_passes(CHUNKED "5\rAAAA\r\nhello\r\n0\r\n\r\n" BARE, CHUNKED "5\r", REQUEST_STREAM_STOPPED, 1);
    assert_int_equal(stream.result, CHUNKS_BAD);
    assert_passes(CHUNKED "0\r2F\r\n\r\n" BARE, CHUNKED "0\r", REQUEST_STREAM_STOPPED, 1);
    assert_passes(CHUNKED "FFFFFFFFFFFFFFFF\r\n" BARE, CHUNKED "FFFFFFFFFFFFFFFF\r", REQUEST_STREAM_STOPPED,
                  1);
    assert_int_equal(stream.result, CHUNKS_LARGE);
}

/* body_length and head_check refuse each of them, and the connection closes. */
static void after_a_head_that_leaves_a_doubt_nothing_goes_on(void **state)
{
    static const char *const doubtful[] = {
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked x",
        "Transfer-Encoding: chunke",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding: xchunked-and-a-long-rest",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 5,5",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 1234567890123456789",
        "Content-Length: 00000000000000000000000000000005",
        "Content-Length: 5\r\n folded",
        "A: b\r\n\tfolded",
        "A: b\nContent-Length: 5",
        "A: b\rContent-Length: 5",
        "A: b\r\rContent-Length: 5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
        char head[256], text[512];

        (void)snprintf(head, sizeof head, "POST / HTTP/1.1\r\n%s\r\n\r\n", doubtful[i]);
        (void)snprintf(text, sizeof text, "%shello" BARE, head);
        assert_passes(text, head, REQUEST_STREAM_STOPPED, 1);
    }
}

/* Whether civetweb may serve its n-th head when all of the text has come. */
static bool agrees(const char *text, uint64_t heads)
{
    bool in_pieces;

    (void)pass(text, 1);
    in_pieces = request_stream_agrees(&stream, heads);
    (void)pass(text, strlen(text));
    assert_int_equal(request_stream_agrees(&stream, heads), in_pieces);
    return in_pieces;
}

static void a_head_that_civetweb_ends_earlier_is_not_agreed_on(void **state)
{
    (void)state;
    assert_true(agrees(BARE, 1));
    assert_true(agrees(BARE BARE "GET", 1));
    assert_true(agrees(BARE BARE "GET", 2));
    assert_true(agrees(WHOLE, 1));
    assert_true(agrees(CHUNKED "5\r\nhe", 1));
    assert_true(agrees(CHUNKED "5\rbad", 1));
    assert_true(agrees(WHOLE CHUNKED "fffffffffffffff\r\n", 2));
    assert_false(agrees("GET / HTTP/1.1\r\nHost: a\r\nX: a\n\n\r", 1));
    assert_false(agrees("GET / HTTP/1.1\r\nHost: a\r\nX: a\n\n\r." BARE, 1));
    assert_false(agrees("GET / HTTP/1.1\r\nHost: a\r\nX: a\n\n\r." BARE, 2));
    assert_true(agrees(BARE "GET / HTTP/1.1\r\nHost: a\r\nX: a\n\n\r." BARE, 1));
    assert_false(agrees(BARE "GET / HTTP/1.1\r\nHost: a\r\nX: a\n\n\r." BARE, 2));
    assert_false(agrees("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", 1));
    assert_false(agrees("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 1));
}

static void other_names_mean_nothing(void **state)
{
    static const char text[] =
        "POST / HTTP/1.1\r\nX-Content-Length: 5\r\nContent-Length-: 5\r\nContent: Length: 5\r\n"
        "A-name-that-is-far-longer-than-those-that-matter: 5\r\n"
        "Transfer-Encodings: x\r\n: 5\r\n\r\n" BARE;

    (void)state;
    assert_passes(text, text, REQUEST_STREAM_HEAD, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(empty_lines_before_a_request_do_not_end_its_head),
        cmocka_unit_test(after_bad_chunks_nothing_goes_on),
        cmocka_unit_test(after_a_head_that_leaves_a_doubt_nothing_goes_on),
        cmocka_unit_test(a_head_that_civetweb_ends_earlier_is_not_agreed_on),
        cmocka_unit_test(other_names_mean_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
