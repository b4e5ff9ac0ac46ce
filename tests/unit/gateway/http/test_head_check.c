/* SPDX-License-Identifier: MIT */
#include "gateway/http/head_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a head in place, as civetweb does. The head is well-formed except for what a test tries. */
struct taken {
    struct request request;
    const char *version;
};

static char *cut(char *at, const char *ends)
{
    at += strcspn(at, ends);
    while (*at != '\0' && strchr(ends, *at) != NULL) {
        *at++ = '\0';
    }
    return at;
}

static char *take_header(char *at, struct request_header *header)
{
    char *value = at + strcspn(at, " :\r\n");

    header->name = (struct span){at, (size_t)(value - at)};
    while (*value == ' ') {
        *value++ = '\0';
    }
    *value++ = '\0';
    value += strspn(value, " ");
    header->value.data = value;
    at = value + strcspn(value, "\r\n");
    if (*at == '\r') {
        *at++ = '\0';
    }
    if (*at == '\n') {
        *at++ = '\0';
    }
    header->value.len = strlen(value);
    return at;
}

static struct taken take(char *at, size_t len)
{
    struct taken t;

    memset(&t, 0, sizeof t);
    at[len - 1] = '\0';
    at += strspn(at, " \r\n");
    t.request.method.data = at;
    at = cut(at, " ");
    at = cut(at, " ");
    t.version = at + strlen("HTTP/");
    at = cut(at, "\r\n ");
    while (*at > ' ') {
        at = take_header(at, &t.request.headers[t.request.header_count++]);
    }
    return t;
}

/* A buffer of `size` bytes that begins with the text, whose last `more` bytes are not part of the head. A
 * separate allocation, so that AddressSanitizer detects a read beyond it. */
static bool check(const char *text, size_t more, size_t size)
{
    size_t len = strlen(text);
    char *bytes = calloc(1, size);
    struct head_buffer fresh = {.size = size};
    struct taken taken;
    struct reply reply;
    bool fine;

    assert_true(len <= size);
    memcpy(bytes, text, len);
    taken = take(bytes, len - more);
    fine = head_check(&fresh, &taken.request, taken.version, &reply);
    assert_true(fine || reply.kind == REPLY_MALFORMED);
    free(bytes);
    return fine;
}

static bool fits(const char *text)
{
    return check(text, 0, strlen(text));
}

static void a_head_that_fills_the_buffer_is_not_read_beyond_its_end(void **state)
{
    (void)state;
    assert_true(fits("GET / HTTP/1.0\r\n\r\n"));
    assert_true(fits("POST / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(fits("POST / HTTP/1.1\r\nHost: x\r\nX: \r\nY:z  \r\n\r\n"));
    assert_false(fits("GET / HTTP/1.0\n\n"));
    assert_false(fits("POST / HTTP/1.1\r\nHost: x\n\n"));
    assert_false(fits("POST / HTTP/1.1\r\nHost: x\r\n\n"));
}

static void line_ends_other_than_crlf_are_refused_wherever_they_are(void **state)
{
    (void)state;
    assert_true(check("POST / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\nbody", 4, 100));
    assert_false(check("POST / HTTP/1.1\nA: 1\nB: 2\n\nbody", 4, 100));
    assert_false(check("POST / HTTP/1.1\nA: 1\r\nB: 2\r\n\r\nbody", 4, 100));
    assert_false(check("POST / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\nbody", 4, 100));
    assert_false(check("POST / HTTP/1.1\r\nA: 1\r\nB: 2\n\nbody", 4, 100));
}

static void header_lines_that_civetweb_loses_are_refused(void **state)
{
    (void)state;
    assert_false(check("POST / HTTP/1.1\r\nA: 1\r\n folded\r\nB: 2\r\n\r\n", 0, 100));
    assert_false(check("POST / HTTP/1.1\r\n A: 1\r\nB: 2\r\n\r\n", 0, 100));
    assert_false(check("POST / HTTP/1.1\r\nA : 1\r\nB: 2\r\n\r\n", 0, 100));
}

static void one_line_end_before_the_request_line_is_allowed(void **state)
{
    (void)state;
    assert_true(check("\r\nGET / HTTP/1.1\r\nA: 1\r\n\r\n", 0, 100));
    assert_false(check("\r\n\r\nGET / HTTP/1.1\r\nA: 1\r\n\r\n", 0, 100));
    assert_false(check("\n\nGET / HTTP/1.1\r\nA: 1\r\n\r\n", 0, 100));
    assert_false(check("\nGET / HTTP/1.1\r\nA: 1\r\n\r\n", 0, 100));
    assert_false(check(" GET / HTTP/1.1\r\nA: 1\r\n\r\n", 0, 100));
}

static void more_line_ends_are_detected_by_comparison_with_the_threads_other_heads(void **state)
{
    char bytes[200] = "GET / HTTP/1.1\r\nA: 1\r\n\r\n";
    struct head_buffer buffer = {.size = sizeof bytes};
    static const char padded[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nA: 1\r\n\r\n";
    char *start = bytes + (16 - (size_t)bytes % 16) % 16;
    struct taken taken;
    struct reply reply;

    (void)state;
    memmove(start, bytes, strlen(bytes) + 1);
    taken = take(start, strlen(start));
    assert_true(head_check(&buffer, &taken.request, taken.version, &reply));
    for (int i = 0; i < 2; i++) {
        memcpy(start, padded, sizeof padded);
        taken = take(start, sizeof padded - 1);
        assert_false(head_check(&buffer, &taken.request, taken.version, &reply));
    }
    memcpy(start, padded + 16, sizeof padded - 16);
    taken = take(start, sizeof padded - 17);
    assert_true(head_check(&buffer, &taken.request, taken.version, &reply));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_that_fills_the_buffer_is_not_read_beyond_its_end),
        cmocka_unit_test(line_ends_other_than_crlf_are_refused_wherever_they_are),
        cmocka_unit_test(header_lines_that_civetweb_loses_are_refused),
        cmocka_unit_test(one_line_end_before_the_request_line_is_allowed),
        cmocka_unit_test(more_line_ends_are_detected_by_comparison_with_the_threads_other_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
