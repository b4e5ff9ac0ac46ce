/* SPDX-License-Identifier: MIT */
#include "gateway/http/head.h"

#include "envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 1024

static struct request request;
static struct reply reply;

/* The length of the head that a text begins with, when it comes in pieces of this many bytes; 0: not
 * complete. The copy ends where the text does, so that AddressSanitizer detects a read beyond it. */
static size_t scan(const char *text, size_t len, size_t piece)
{
    struct head_scan state = {0};
    char *copy = malloc(len);
    size_t found = 0;

    assert_non_null(copy);
    memcpy(copy, text, len);
    for (size_t in = piece; found == 0; in += piece) {
        size_t part = in < len ? in : len;

        if (head_is_complete(&state, (struct span){copy, part})) {
            found = state.at;
        } else if (part == len) {
            break;
        }
    }
    free(copy);
    return found;
}

static void assert_ends(const char *text, size_t expected)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        if (scan(text, strlen(text), piece) != expected) {
            fail_msg("'%s' in pieces of %zu: %zu", text, piece, scan(text, strlen(text), piece));
        }
    }
}

static bool parse(const char *head)
{
    size_t len = strlen(head);
    static char *copy;
    bool fine;

    free(copy);
    copy = malloc(len + 1); /* the request points into it */
    assert_non_null(copy);
    memcpy(copy, head, len);
    memset(&request, 0, sizeof request);
    fine = head_parse((struct span){copy, len}, MOST, &request, &reply);
    assert_true(fine || reply_closes(reply.kind));
    return fine;
}

static void refused(const char *head, enum reply_kind kind)
{
    if (parse(head) || reply.kind != kind) {
        fail_msg("'%s': %d, %s", head, (int)reply.kind, reply.text);
    }
    assert_string_not_equal(reply.text, "");
}

#define LINE "POST / HTTP/1.1\r\n"
#define HOST LINE "Host: a\r\n"

static void a_head_ends_at_its_empty_line(void **state)
{
    static const char text[] = HOST "X: \r\nY: b\r\n\r\n";

    (void)state;
    assert_ends(text, sizeof text - 1);
    assert_ends("GET / HTTP/1.0\r\n\r\n", 18);
    assert_ends("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", 18);
    for (size_t len = 1; len < sizeof text - 1; len++) {
        assert_int_equal(scan(text, len, 1), 0);
    }
}

/* They end where the most lenient reader ends them, so that nobody waits for the rest; head_parse refuses
 * them.
 */
static void a_head_with_bare_lfs_ends_early_and_is_refused(void **state)
{
    (void)state;
    assert_ends("GET / HTTP/1.0\n\nGET", 16);
    assert_ends(HOST "X: a\n\n\r.GET", sizeof HOST - 1 + 6);
    assert_ends(HOST "X: a\r\n\nGET", sizeof HOST - 1 + 7);
    assert_ends(HOST "X: a\n\r\nGET", sizeof HOST - 1 + 7);
    refused("GET / HTTP/1.0\n\n", REPLY_MALFORMED);
    refused("POST / HTTP/1.1\nHost: a\r\n\r\n", REPLY_MALFORMED);
    refused(LINE "Host: a\n\r\n", REPLY_MALFORMED);
    refused(HOST "\n", REPLY_MALFORMED);
    refused(HOST "X: a\rb\r\n\r\n", REPLY_MALFORMED);
    refused(HOST "X: a\r\r\n\r\n", REPLY_MALFORMED);
}

static void what_cannot_become_a_head_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(scan("\x16\x03\x01", 3, 1), 1);
    assert_int_equal(scan(" GET / HTTP/1.1\r\n", 17, 2), 2);
    assert_int_equal(scan("\n", 1, 1), 1);
    assert_ends("hello\r\n", 7);
    assert_ends("GET /\r\nmore", 7);
    assert_ends("GET / HTTP/1.1 \r\nmore", 17);
    assert_ends("PRI * HTTP/2.0\r\n\r\n", 18);
    refused("\x16\x03\x01", REPLY_MALFORMED);
    refused("hello\r\n", REPLY_MALFORMED);
    refused("", REPLY_MALFORMED);
}

static void empty_lines_before_a_head_are_no_part_of_it(void **state)
{
    (void)state;
    assert_int_equal(head_empty_lines(SPAN_LITERAL("\r\n\r\nGET")), 4);
    assert_int_equal(head_empty_lines(SPAN_LITERAL("\r\n\r")), 2);
    assert_int_equal(head_empty_lines(SPAN_LITERAL("\r")), 0);
    assert_int_equal(head_empty_lines(SPAN_LITERAL("\n\r\n")), 0);
    assert_int_equal(head_empty_lines(SPAN_LITERAL("")), 0);
    assert_int_equal(scan("\r", 1, 1), 0);
}

static void the_request_line_is_three_words(void **state)
{
    static const char *const wrong[] = {
        "POST /",
        "POST / HTTP/1.1 ",
        "POST  / HTTP/1.1",
        "POST / x HTTP/1.1",
        " POST / HTTP/1.1",
        "POST\t/ HTTP/1.1",
        "POST /\tHTTP/1.1",
        "POST / http/1.1",
        "POST / HTTP/1.10",
        "POST / HTTP/11",
        "POST / HTTP/1",
        "POST / HTTP/a.1",
        "POST / HTTP/1,1",
        "POST / XTTP/1.1",
        "POST HTTP/1.1",
        "POST  HTTP/1.1",
        "P(ST / HTTP/1.1",
        "P\xc3\xb6ST / HTTP/1.1",
        "/ HTTP/1.1",
        "HTTP/1.1",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char head[128];

        (void)snprintf(head, sizeof head, "%s\r\nHost: a\r\n\r\n", wrong[i]);
        refused(head, REPLY_MALFORMED);
    }
    assert_true(parse(HOST "\r\n"));
    assert_true(span_equal(request.method, SPAN_LITERAL("POST")));
    assert_true(span_equal(request.path, SPAN_LITERAL("/")));
    assert_false(request.http_1_0);
}

static void methods_are_those_seven_in_capitals(void **state)
{
    static const char *const taken[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    static const char *const others[] = {"get", "TRACE", "CONNECT", "PROPFIND", "POSTS", "!#$%&'*+-.^_`|~"};

    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        char head[64];

        (void)snprintf(head, sizeof head, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", taken[i]);
        assert_true(parse(head));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char head[64];

        (void)snprintf(head, sizeof head, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", others[i]);
        refused(head, REPLY_NOT_IMPLEMENTED);
        assert_true(span_equal(request.method, span_of(others[i])));
    }
}

static void every_minor_version_of_http_1_is_understood_and_no_other(void **state)
{
    (void)state;
    assert_true(parse("GET / HTTP/1.0\r\n\r\n"));
    assert_true(request.http_1_0);
    assert_true(parse("GET / HTTP/1.2\r\nHost: a\r\n\r\n"));
    assert_true(parse("GET / HTTP/1.9\r\nHost: a\r\n\r\n"));
    assert_false(request.http_1_0);
    refused("GET / HTTP/0.9\r\n\r\n", REPLY_VERSION);
    refused("GET / HTTP/2.0\r\n\r\n", REPLY_VERSION);
    refused("PRI * HTTP/2.0\r\n\r\n", REPLY_VERSION);
}

static void header_lines_are_a_token_a_colon_and_a_value(void **state)
{
    static const char *const wrong[] = {
        "A : 1",
        "A\t: 1",
        " A: 1",
        "\tA: 1",
        ": 1",
        "A",
        "A 1",
        "A(: 1",
        "\xc3\xa4: 1",
        "A\x01: 1",
        "A: \x01",
        "A: a\x7f",
        "A: 1\r\n folded",
        "A: 1\r\n\tfolded",
        "A: 1\r\n : x",
        "Transfer-Encoding : chunked",
        "Content-Length\t: 5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char head[128];

        (void)snprintf(head, sizeof head, HOST "%s\r\nB: 2\r\n\r\n", wrong[i]);
        refused(head, REPLY_MALFORMED);
    }
    assert_false(head_parse(SPAN_LITERAL(HOST "A: a\0b\r\n\r\n"), MOST, &request, &reply));
    assert_false(head_parse(SPAN_LITERAL(HOST "A\0: b\r\n\r\n"), MOST, &request, &reply));
}

static void values_lose_the_white_space_around_them_and_keep_the_rest(void **state)
{
    (void)state;
    assert_true(parse(HOST "A: \t a\tb  c\xe9 \t \r\nB:\r\nC: \r\n!#$%&'*+-.^_`|~9: :\r\n\r\n"));
    assert_int_equal(request.header_count, 5);
    assert_true(span_equal(request.headers[1].value, SPAN_LITERAL("a\tb  c\xe9")));
    assert_true(span_equal(request.headers[2].value, SPAN_LITERAL("")));
    assert_true(span_equal(request.headers[3].value, SPAN_LITERAL("")));
    assert_true(span_equal(request.headers[4].value, SPAN_LITERAL(":")));
}

static void headers_are_limited_in_number_and_in_bytes(void **state)
{
    static char head[8192], value[2000];
    size_t len;

    (void)state;
    memset(value, 'v', sizeof value - 1);
    (void)snprintf(head, sizeof head, HOST "X: %s\r\n\r\n", value);
    refused(head, REPLY_HEADERS);
    value[MOST - 6] = '\0'; /* "Host", "a", "X" take the rest */
    (void)snprintf(head, sizeof head, HOST "X: %s\r\n\r\n", value);
    assert_true(parse(head));
    value[REQUEST_NAME_MAX + 1] = '\0';
    (void)snprintf(head, sizeof head, HOST "%s: x\r\n\r\n", value);
    refused(head, REPLY_HEADERS);
    (void)snprintf(head, sizeof head, HOST "%s: x\r\n\r\n", value + 1);
    assert_true(parse(head));
    len = (size_t)snprintf(head, sizeof head, HOST);
    for (size_t i = 1; i < REQUEST_HEADERS_MAX; i++) {
        len += (size_t)snprintf(head + len, sizeof head - len, "x:y\r\n");
    }
    (void)snprintf(head + len, sizeof head - len, "\r\n");
    assert_true(parse(head));
    (void)snprintf(head + len, sizeof head - len, "x:y\r\n\r\n");
    refused(head, REPLY_HEADERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_at_its_empty_line),
        cmocka_unit_test(a_head_with_bare_lfs_ends_early_and_is_refused),
        cmocka_unit_test(what_cannot_become_a_head_is_not_waited_for),
        cmocka_unit_test(empty_lines_before_a_head_are_no_part_of_it),
        cmocka_unit_test(the_request_line_is_three_words),
        cmocka_unit_test(methods_are_those_seven_in_capitals),
        cmocka_unit_test(every_minor_version_of_http_1_is_understood_and_no_other),
        cmocka_unit_test(header_lines_are_a_token_a_colon_and_a_value),
        cmocka_unit_test(values_lose_the_white_space_around_them_and_keep_the_rest),
        cmocka_unit_test(headers_are_limited_in_number_and_in_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
