/* SPDX-License-Identifier: MIT */
#include "logjson.h"

#include "secret.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define STAMP_END 38 /* {"time":"2026-11-23T22:43:01.123456Z", */

static struct buf line;

static int free_line(void **state)
{
    (void)state;
    buf_free(&line);
    return 0;
}

/* Formats the fields; returns what follows the time. */
static const char *format(const struct log_field *fields)
{
    buf_clear(&line);
    logjson_append(&line, LOG_INFO, "e", fields);
    assert_false(line.failed);
    assert_true(line.len > STAMP_END && line.len <= LOGJSON_LINE_MAX);
    return buf_text(&line) + STAMP_END;
}

static void check_value(struct span value, const char *expected)
{
    char whole[2048];

    (void)snprintf(whole, sizeof whole, "\"level\":\"info\",\"event\":\"e\",\"k\":\"%s\"}\n", expected);
    assert_string_equal(format(LOG_FIELDS(log_span("k", value))), whole);
}

static void a_line_is_an_object_that_begins_with_time_level_and_event(void **state)
{
    (void)state;
    assert_string_equal(format(LOG_FIELDS(log_text("source", "default"), log_number("rows", -3))),
                        "\"level\":\"info\",\"event\":\"e\",\"source\":\"default\",\"rows\":-3}\n");
    assert_memory_equal(line.data, "{\"time\":\"2", 10);
    assert_int_equal(line.data[19], 'T');
    assert_memory_equal(line.data + 35, "Z\",", 3);
    buf_clear(&line);
    logjson_append(&line, LOG_ERROR, "broken", LOG_FIELDS(log_number("n", 1)));
    assert_string_equal(buf_text(&line) + STAMP_END, "\"level\":\"error\",\"event\":\"broken\",\"n\":1}\n");
}

static void what_a_sender_wrote_is_escaped_to_ascii(void **state)
{
    (void)state;
    check_value(SPAN_LITERAL(""), "");
    check_value(SPAN_LITERAL("a b=c/d<>&'"), "a b=c/d<>&'");
    check_value(SPAN_LITERAL("q\"b\\"), "q\\\"b\\\\");
    check_value(SPAN_LITERAL("\0\x01\n\x1f\x7f"), "\\u0000\\u0001\\u000a\\u001f\\u007f");
    check_value(SPAN_LITERAL("caf\xc3\xa9 \xe2\x82\xac"), "caf\\u00e9 \\u20ac");
    check_value(SPAN_LITERAL("\xc2\x9b\xe2\x80\xae"), "\\u009b\\u202e");
    check_value(SPAN_LITERAL("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"), "\\ud83d\\ude00\\udbff\\udfff");
}

static void each_byte_that_is_not_utf_8_becomes_a_replacement_character(void **state)
{
    (void)state;
    check_value(SPAN_LITERAL("a\xff\x80z"), "a\\ufffd\\ufffdz");
    check_value(SPAN_LITERAL("\xc3"), "\\ufffd");
    check_value(SPAN_LITERAL("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
}

static void a_long_value_is_cut_between_characters(void **state)
{
    static char value[1100], expected[1100];

    (void)state;
    memset(value, 'v', sizeof value);
    memset(expected, 'v', sizeof expected);
    memcpy(expected + 1024, "", 1);
    check_value((struct span){value, 1024}, expected);
    memcpy(expected + 1024, "...", 4);
    check_value((struct span){value, 1025}, expected);
    /* An escape that would not fit is left out whole. */
    memcpy(value + 1020, "\n", 1);
    memcpy(expected + 1020, "...", 4);
    check_value((struct span){value, 1025}, expected);
    memcpy(value + 1013, "\xf0\x9f\x98\x80", 4);
    memcpy(expected + 1013, "...", 4);
    check_value((struct span){value, 1025}, expected);
}

static void a_line_that_is_full_is_cut_between_fields_and_says_so(void **state)
{
    static char value[1025];
    const char *text;

    (void)state;
    memset(value, 'v', sizeof value - 1);
    text = format(LOG_FIELDS(log_text("a", value), log_text("b", value), log_text("c", value),
                             log_text("d", value), log_text("e", "not shown either")));
    assert_non_null(strstr(text, "\"c\":\"vv"));
    assert_null(strstr(text, "\"d\":"));
    assert_null(strstr(text, "\"e\":"));
    assert_string_equal(text + strlen(text) - strlen("vv\",\"cut\":true}\n"), "vv\",\"cut\":true}\n");
}

static void a_line_has_at_most_the_bytes_that_a_pipe_takes_at_once(void **state)
{
    static char value[1025];

    (void)state;
    assert_true(LOGJSON_LINE_MAX <= PIPE_BUF);
    memset(value, 'v', sizeof value - 1);
    for (size_t len = 0; len < sizeof value; len++) { /* format() checks the length */
        (void)format(LOG_FIELDS(log_text("a", value), log_text("b", value), log_text("c", value),
                                log_span("d", (struct span){value, len}), log_number("n", 1)));
    }
}

static void a_secret_is_redacted_before_it_is_cut_or_escaped(void **state)
{
    static char value[1100];

    (void)state;
    assert_int_equal(secret_register(SPAN_LITERAL("hunter\"2"), NULL), ERROR_NONE);
    check_value(SPAN_LITERAL("<hunter\"2>\n"), "<[redacted]>\\u000a");
    memset(value, 'v', 1020);
    memcpy(value + 1020, "hunter\"2", 9);
    (void)format(LOG_FIELDS(log_text("k", value)));
    assert_null(strstr(buf_text(&line), "hun"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_object_that_begins_with_time_level_and_event),
        cmocka_unit_test(what_a_sender_wrote_is_escaped_to_ascii),
        cmocka_unit_test(each_byte_that_is_not_utf_8_becomes_a_replacement_character),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
        cmocka_unit_test(a_line_that_is_full_is_cut_between_fields_and_says_so),
        cmocka_unit_test(a_line_has_at_most_the_bytes_that_a_pipe_takes_at_once),
        cmocka_unit_test(a_secret_is_redacted_before_it_is_cut_or_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, free_line);
}
