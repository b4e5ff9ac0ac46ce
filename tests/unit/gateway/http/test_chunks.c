/* SPDX-License-Identifier: MIT */
#include "gateway/http/chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char seen[CHUNKS_TRAILERS_MAX * 2];
static size_t seen_len, used_len;

/* In pieces of this many bytes; what is kept is in `seen`. */
static enum chunks_result read_in(size_t piece, const char *text, size_t len, uint64_t most)
{
    enum chunks_result result = CHUNKS_MORE;
    struct chunks chunks;

    chunks_begin(&chunks, most);
    seen_len = used_len = 0;
    while (used_len < len && result == CHUNKS_MORE) {
        size_t part = piece < len - used_len ? piece : len - used_len, used, kept;

        memcpy(seen + seen_len, text + used_len, part);
        result = chunks_read(&chunks, seen + seen_len, part, &used, &kept);
        assert_true(kept <= used && used <= part);
        assert_true(used == part || result != CHUNKS_MORE);
        used_len += used;
        seen_len += kept;
    }
    return result;
}

static void assert_end(const char *text, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        assert_int_equal(read_in(piece, text, strlen(text), UINT64_MAX), CHUNKS_END);
        assert_int_equal(seen_len, strlen(expected));
        assert_memory_equal(seen, expected, seen_len);
    }
}

static void assert_result(const char *text, size_t len, enum chunks_result expected)
{
    for (size_t piece = 1; piece <= len; piece++) {
        enum chunks_result result = read_in(piece, text, len, UINT64_MAX);

        if (result != expected) {
            fail_msg("'%s' in pieces of %zu: %d", text, piece, (int)result);
        }
    }
}

static void data_is_kept_and_nothing_else(void **state)
{
    static const char many[] =
        "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "01234567890";
    char text[256];

    (void)state;
    assert_end("0\r\n\r\n", "");
    assert_end("5\r\nhello\r\n0\r\n\r\n", "hello");
    (void)snprintf(text, sizeof text, "00aB\r\n%s\r\n000\r\n\r\n", many);
    assert_end(text, many);
    assert_end("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    assert_end("1\r\na\r\n1\r\nb\r\n0\r\n\r\n", "ab");
}

static void extensions_and_trailers_are_dropped(void **state)
{
    (void)state;
    assert_end("5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello");
    assert_end("5 \t;a=\"b \xc3\xa9\"\r\nhello\r\n0\r\n\r\n", "hello");
    assert_end("0\r\nA: b\r\nContent-Length:\t7\r\n\r\n", "");
}

static void what_follows_the_end_is_not_read(void **state)
{
    static const char text[] = "0\r\n\r\nGET / HTTP/1.1";

    (void)state;
    assert_int_equal(read_in(sizeof text, text, sizeof text - 1, UINT64_MAX), CHUNKS_END);
    assert_int_equal(used_len, 5);
}

static void anything_else_is_bad(void **state)
{
    static const char *const wrong[] = {
        "5\rAAAA\r\n",
        "0\r2F\r\n",
        "5\nhello",
        " 5\r\n",
        "5 \r\n",
        "5\t\r\n",
        "\r\n",
        ";a\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "5,5\r\n",
        "g\r\n",
        "5 5\r\n",
        "5;a\rb",
        "5;a\nb",
        "5;a\x7f",
        "5;\x01",
        "5\r\nhello!",
        "5\r\nhello\n",
        "5\r\nhello\r!",
        "0\r\na: b\rc",
        "0\r\na: b\n",
        "0\r\n\rx",
        "0\r\n\n",
        "0\r\na\x01",
        "00000000000000005\r\n",
        "5\r\r\n",
        "5\r\nhello\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_result(wrong[i], strlen(wrong[i]), CHUNKS_BAD);
    }
    assert_result("5\0\r\n", 4, CHUNKS_BAD);
    assert_result("5;\0\r\n", 5, CHUNKS_BAD);
}

static void a_body_that_is_not_there_yet_is_waited_for(void **state)
{
    static const char text[] = "5;a\r\nhello\r\n0\r\nA: b\r\n\r\n";

    (void)state;
    for (size_t len = 1; len < sizeof text - 1; len++) {
        assert_result(text, len, CHUNKS_MORE);
    }
}

static void fill(char *text, size_t len, const char *begin, char byte)
{
    memset(text, byte, len);
    memcpy(text, begin, strlen(begin));
}

static void lines_and_trailers_have_a_limit(void **state)
{
    static char text[CHUNKS_TRAILERS_MAX + 16];

    (void)state;
    fill(text, sizeof text, "5;", 'a');
    assert_int_equal(read_in(sizeof text, text, CHUNKS_LINE_MAX, UINT64_MAX), CHUNKS_MORE);
    assert_int_equal(read_in(sizeof text, text, CHUNKS_LINE_MAX + 1, UINT64_MAX), CHUNKS_BAD);
    fill(text, sizeof text, "0\r\n", 'a');
    assert_int_equal(read_in(sizeof text, text, 3 + CHUNKS_TRAILERS_MAX, UINT64_MAX), CHUNKS_MORE);
    assert_int_equal(read_in(sizeof text, text, 3 + CHUNKS_TRAILERS_MAX + 1, UINT64_MAX), CHUNKS_BAD);
}

static void more_than_the_limit_is_found_when_it_is_announced(void **state)
{
    static const char text[] = "5\r\nhello\r\n4\r\n";

    (void)state;
    assert_int_equal(read_in(1, text, strlen(text), 9), CHUNKS_MORE);
    assert_int_equal(read_in(1, text, strlen(text), 8), CHUNKS_LARGE);
    assert_int_equal(read_in(1, "FFFFFFFFFFFFFFFF\r\n", 18, 1 << 20), CHUNKS_LARGE);
    assert_int_equal(read_in(1, "1\r\na\r\nFFFFFFFFFFFFFFFF\r\n", 24, UINT64_MAX), CHUNKS_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_kept_and_nothing_else),
        cmocka_unit_test(extensions_and_trailers_are_dropped),
        cmocka_unit_test(what_follows_the_end_is_not_read),
        cmocka_unit_test(anything_else_is_bad),
        cmocka_unit_test(a_body_that_is_not_there_yet_is_waited_for),
        cmocka_unit_test(lines_and_trailers_have_a_limit),
        cmocka_unit_test(more_than_the_limit_is_found_when_it_is_announced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
