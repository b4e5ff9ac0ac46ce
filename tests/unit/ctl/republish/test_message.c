/* SPDX-License-Identifier: MIT */
#include "ctl/republish/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COLUMNS 15

enum { HEADERS = 7, KEEP = 3, RECEIVED = 11, UNREADABLE = 13, ORDER = 14, ID = 2 };

/* A row as the server sends it. NULL: SQL null. */
static const char *const good[COLUMNS] = {
    "17",         "github",    "evt_1", "first",
    "POST",       "/a",        "q=1",   "{\"x-a\": \"\xc3\xa9\", \"x-b\": \"2\"}",
    "text/plain", "192.0.2.1", NULL,    "1763900000000001",
    "\\x00ff",    "f",         NULL,
};

static PGresult *row_of(const char *const *values)
{
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc attributes[COLUMNS];
    static char name[] = "c";

    assert_non_null(r);
    memset(attributes, 0, sizeof attributes);
    for (int i = 0; i < COLUMNS; i++) {
        attributes[i].name = name;
    }
    assert_int_equal(PQsetResultAttrs(r, COLUMNS, attributes), 1);
    for (int i = 0; i < COLUMNS; i++) {
        char text[256] = "";

        if (values[i] != NULL) {
            (void)strncat(text, values[i], sizeof text - 1);
        }
        assert_int_equal(
            PQsetvalue(r, 0, i, values[i] == NULL ? NULL : text, values[i] == NULL ? -1 : (int)strlen(text)),
            1);
    }
    return r;
}

static void a_row_becomes_the_message_that_it_was_with_attempt_0(void **state)
{
    PGresult *r = row_of(good);
    struct message message;
    struct envelope e;
    struct error error = {0};

    (void)state;
    if (message_read(&message, r, 0, 0, &error) != ERROR_NONE) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(message.name, "17");
    assert_true(span_equal(message.source, SPAN_LITERAL("github")));
    assert_int_equal(message.body_len, 2);
    assert_memory_equal(message.body, "\0\xff", 2);
    assert_int_equal(envelope_decode(buf_span(&message.properties), &e, &error), ERROR_NONE);
    assert_true(span_equal(e.id, SPAN_LITERAL("evt_1")));
    assert_true(span_equal(e.path, SPAN_LITERAL("/a")));
    assert_true(span_equal(e.query, SPAN_LITERAL("q=1")));
    assert_true(span_equal(e.content_type, SPAN_LITERAL("text/plain")));
    assert_true(span_equal(e.remote, SPAN_LITERAL("192.0.2.1")));
    assert_int_equal(e.traceparent.len, 0);
    assert_int_equal(e.keep, ENVELOPE_KEEP_FIRST);
    assert_int_equal(e.received_us, INT64_C(1763900000000001));
    assert_int_equal(e.attempt, 0);
    assert_false(e.has_order);
    assert_int_equal(e.header_count, 2);
    assert_true(span_equal(e.headers[0].name, SPAN_LITERAL("x-a")));
    assert_true(span_equal(e.headers[0].value, SPAN_LITERAL("\xc3\xa9")));
    message_free(&message);
    PQclear(r);
}

static void an_event_keeps_its_order(void **state)
{
    const char *values[COLUMNS];
    struct message message;
    struct envelope e;
    PGresult *r;

    (void)state;
    memcpy(values, good, sizeof values);
    values[ORDER] = "-9223372036854775808";
    r = row_of(values);
    assert_int_equal(message_read(&message, r, 0, 0, NULL), ERROR_NONE);
    assert_int_equal(envelope_decode(buf_span(&message.properties), &e, NULL), ERROR_NONE);
    assert_true(e.has_order);
    assert_int_equal(e.order, INT64_MIN);
    message_free(&message);
    PQclear(r);
}

static void a_stored_row_is_stored_again_or_says_when_it_was_replayed(void **state)
{
    const char *values[COLUMNS];
    struct message message;
    struct envelope e;
    PGresult *r;

    (void)state;
    memcpy(values, good, sizeof values);
    values[KEEP] = "again";
    r = row_of(values);
    assert_int_equal(message_read(&message, r, 0, 1763900000000009, NULL), ERROR_NONE);
    assert_int_equal(envelope_decode(buf_span(&message.properties), &e, NULL), ERROR_NONE);
    assert_int_equal(e.keep, ENVELOPE_KEEP_AGAIN);
    assert_int_equal(e.replayed_us, 1763900000000009);
    message_free(&message);
    PQclear(r);
}

static void what_is_no_envelope_is_refused(void **state)
{
    static const struct {
        int column;
        const char *value;
    } wrong[] = {
        {UNREADABLE, "t"}, {KEEP, NULL},        {KEEP, "last"},          {RECEIVED, NULL}, {ID, ""},
        {HEADERS, NULL},   {HEADERS, "[\"\"]"}, {HEADERS, "{\"x\": 1}"}, {1, "No Source"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *values[COLUMNS];
        struct message message;
        struct error error = {0};
        enum error_code code;
        PGresult *r;

        memcpy(values, good, sizeof values);
        values[wrong[i].column] = wrong[i].value;
        r = row_of(values);
        code = message_read(&message, r, 0, 0, &error);
        assert_true(code == ERROR_MALFORMED || code == ERROR_LIMIT);
        assert_true(error.text[0] != '\0');
        message_free(&message);
        PQclear(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_becomes_the_message_that_it_was_with_attempt_0),
        cmocka_unit_test(an_event_keeps_its_order),
        cmocka_unit_test(a_stored_row_is_stored_again_or_says_when_it_was_replayed),
        cmocka_unit_test(what_is_no_envelope_is_refused),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
