/* SPDX-License-Identifier: MIT */
#include "gateway/reply.h"

#include "gateway/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME(name, label, status, retry_after, close) name,
static const enum reply_kind kinds[] = {REPLIES(NAME)};
#undef NAME
#define KINDS (sizeof kinds / sizeof kinds[0])

static struct buf out;

static int free_out(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

#define EPOCH "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"

static const char *build(enum reply_kind kind, const char *text, struct reply_form form)
{
    struct reply reply = {.kind = kind, .type = "text/plain"};

    (void)snprintf(reply.text, sizeof reply.text, "%s", text);
    buf_clear(&out);
    reply_build(&reply, form, &out);
    return buf_text(&out);
}

static const char *body_of(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

static long header(const char *reply, const char *name)
{
    const char *at = strstr(reply, name);

    return at == NULL ? -1 : strtol(at + strlen(name), NULL, 10);
}

static void every_reply_has_its_exact_length_even_without_a_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const char *reply = build(kinds[i], "some \"text\" \\ \x01", (struct reply_form){0});
        long length = header(reply, "\r\nContent-Length: ");

        if (reply_is_bare(reply_status(kinds[i]))) { /* RFC 9110, 8.6 */
            assert_int_equal(length, -1);
            assert_string_equal(body_of(reply), "");
            continue;
        }
        assert_int_equal(length, strlen(body_of(reply)));
        assert_true(length > 0);
        reply = build(kinds[i], "some \"text\" \\ \x01", (struct reply_form){.head = true});
        assert_int_equal(header(reply, "\r\nContent-Length: "), length);
        assert_string_equal(body_of(reply), "");
    }
}

static void only_a_queued_event_or_a_handshake_gets_2xx_and_nothing_gets_3xx_or_410(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        int status = reply_status(kinds[i]);

        assert_int_equal(header(build(kinds[i], "x", (struct reply_form){0}), "HTTP/1.1 "), status);
        assert_true((status == 200) == (kinds[i] == REPLY_QUEUED || kinds[i] == REPLY_CHALLENGE));
        assert_true((status == 204) == (kinds[i] == REPLY_SERVER)); /* OPTIONS * names no source */
        assert_true(status == 200 || status == 204 || status >= 400);
        assert_int_not_equal(status, 410);
    }
}

static void the_reply_to_a_queued_event_has_its_id_escaped(void **state)
{
    (void)state;
    assert_string_equal(body_of(build(REPLY_QUEUED, "a\"b", (struct reply_form){0})),
                        "{\"id\": \"a\\\"b\", \"status\": \"queued\"}\n");
    assert_string_equal(body_of(build(REPLY_AWAY, "why", (struct reply_form){0})), "{\"error\": \"why\"}\n");
}

static void a_source_may_have_its_own_reply_and_204_has_no_body(void **state)
{
    struct reply_answer answer = {202, "text/xml", "<Response/>"};
    struct reply reply;

    (void)state;
    reply_accept(&reply, "id", &answer);
    buf_clear(&out);
    reply_build(&reply, (struct reply_form){0}, &out);
    assert_string_equal(buf_text(&out), "HTTP/1.1 202 Accepted\r\n" EPOCH "Content-Type: text/xml\r\n"
                                        "Content-Length: 11\r\nX-Content-Type-Options: nosniff\r\n"
                                        "Connection: keep-alive\r\n\r\n<Response/>");
    answer = (struct reply_answer){204, "text/plain", ""};
    buf_clear(&out);
    reply_build(&reply, (struct reply_form){0}, &out);
    assert_null(strstr(buf_text(&out), "Content-Length"));
    assert_string_equal(body_of(buf_text(&out)), "");
    for (int status = 100; status < 600; status++) {
        assert_int_equal(reply_may_answer(status),
                         status == 200 || status == 201 || status == 202 || status == 204);
    }
}

static const char *returned(enum reply_echo echo, const char *name, const char *text, int64_t per_minute)
{
    struct reply reply = {0};

    reply_return(&reply, echo, name, span_of(text));
    reply.per_minute = per_minute;
    buf_clear(&out);
    reply_build(&reply, (struct reply_form){0}, &out);
    assert_non_null(strstr(buf_text(&out), "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(buf_text(&out), "\r\nX-Content-Type-Options: nosniff\r\n"));
    return buf_text(&out);
}

static void a_challenge_is_returned_as_text_as_a_json_member_or_as_a_header(void **state)
{
    const char *reply = returned(REPLY_ECHO_TEXT, NULL, "a \"<b>\"", 0);

    (void)state;
    assert_non_null(strstr(reply, "\r\nContent-Type: text/plain\r\n"));
    assert_string_equal(body_of(reply), "a \"<b>\"");
    reply = returned(REPLY_ECHO_MEMBER, "na\"me", "a \"<b>\" \\", 0);
    assert_non_null(strstr(reply, "\r\nContent-Type: application/json\r\n"));
    assert_string_equal(body_of(reply), "{\"na\\\"me\": \"a \\\"<b>\\\" \\\\\"}");
    reply = returned(REPLY_ECHO_HEADER, "X-Hook-Secret", "b537", 0);
    assert_non_null(strstr(reply, "\r\nX-Hook-Secret: b537\r\n"));
    assert_int_equal(header(reply, "\r\nContent-Length: "), 0);
    assert_string_equal(body_of(reply), "");
}

static void cloudevents_are_allowed_from_the_origin_at_the_sources_rate(void **state)
{
    const char *reply = returned(REPLY_ECHO_ORIGIN, NULL, "eventgrid.azure.net", 0);

    (void)state;
    assert_non_null(strstr(reply, "\r\nWebHook-Allowed-Origin: eventgrid.azure.net\r\n"));
    assert_non_null(strstr(reply, "\r\nWebHook-Allowed-Rate: *\r\n"));
    assert_string_equal(body_of(reply), "");
    reply = returned(REPLY_ECHO_ORIGIN, NULL, "eventgrid.azure.net", 6000000);
    assert_non_null(strstr(reply, "\r\nWebHook-Allowed-Rate: 6000000\r\n"));
}

static void a_throttled_sender_is_told_to_wait_until_the_next_event_is_allowed(void **state)
{
    struct reply reply;

    (void)state;
    (void)reply_refuse(&reply, REPLY_THROTTLED, "later");
    reply.wait_s = 7;
    for (uint32_t random = 0; random < 50; random++) {
        buf_clear(&out);
        reply_build(&reply, (struct reply_form){.random = random}, &out);
        assert_in_range(header(buf_text(&out), "\r\nRetry-After: "), 7, 14);
    }
}

static void every_503_says_when_to_come_back_spread_by_half(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (uint32_t random = 0; random < 100; random++) {
            long after =
                header(build(kinds[i], "x", (struct reply_form){.random = random}), "\r\nRetry-After: ");

            if (reply_status(kinds[i]) == 503) {
                assert_in_range(after, 1, 45);
            } else {
                assert_int_equal(after, kinds[i] == REPLY_THROTTLED ? 0 : -1);
            }
        }
    }
    assert_int_equal(header(build(REPLY_BLOCKED, "x", (struct reply_form){.random = 0}), "\r\nRetry-After: "),
                     15);
    assert_int_equal(
        header(build(REPLY_BLOCKED, "x", (struct reply_form){.random = 30}), "\r\nRetry-After: "), 45);
}

static void a_reply_before_a_close_says_connection_close(void **state)
{
    (void)state;
    assert_non_null(
        strstr(build(REPLY_QUEUED, "x", (struct reply_form){0}), "\r\nConnection: keep-alive\r\n"));
    assert_non_null(
        strstr(build(REPLY_QUEUED, "x", (struct reply_form){.close = true}), "\r\nConnection: close\r\n"));
    for (size_t i = 0; i < KINDS; i++) {
        const char *reply = build(kinds[i], "x", (struct reply_form){0});

        assert_int_equal(reply_closes(kinds[i]), strstr(reply, "\r\nConnection: close\r\n") != NULL);
    }
}

static void the_reply_to_a_wrong_method_lists_the_allowed_ones(void **state)
{
    struct reply reply;

    (void)state;
    assert_non_null(strstr(build(REPLY_METHOD, "x", (struct reply_form){0}), "\r\nAllow: GET, HEAD, "));
    (void)reply_refuse(&reply, REPLY_METHOD, "x");
    reply.allow = request_method(SPAN_LITERAL("POST")) | request_method(SPAN_LITERAL("GET"));
    buf_clear(&out);
    reply_build(&reply, (struct reply_form){0}, &out);
    assert_non_null(strstr(buf_text(&out), "\r\nAllow: GET, POST\r\n"));
}

static void a_refusal_keeps_its_sentence_cut_to_fit(void **state)
{
    static char longer[1000];
    struct reply reply;

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    assert_false(reply_refuse(&reply, REPLY_TOO_LARGE, "%d and %s", 5, longer));
    assert_int_equal(reply.kind, REPLY_TOO_LARGE);
    assert_memory_equal(reply.text, "5 and xxx", 9);
    assert_int_equal(strlen(reply.text), sizeof reply.text - 1);
}

/* Senders parse the reply as JSON, and the sentence may quote what they sent. */
static void a_refusal_is_text_wherever_it_is_cut_and_whatever_it_quotes(void **state)
{
    struct reply reply = {0};
    char longer[sizeof reply.text];

    (void)state;
    for (size_t before = sizeof longer - 4; before < sizeof longer; before++) {
        memset(longer, 'x', before);
        longer[before] = '\0';
        (void)reply_refuse(&reply, REPLY_MALFORMED, "%s\xe6\xbc\xa2", longer);
        assert_true(span_is_text(span_of(reply.text)));
        assert_int_equal(strlen(reply.text), before + 3 < sizeof reply.text ? before + 3 : before);
    }
    (void)reply_refuse(&reply, REPLY_MALFORMED, "no id in %s", "gr\xfc\xdf");
    assert_string_equal(reply.text, "no id in gr??");
}

static void each_outcome_is_refused_with_the_sentence_of_its_row(void **state)
{
    static const struct {
        enum outcome outcome;
        enum reply_kind kind;
        int status;
        const char *body, *readiness;
    } expected[] = {
        {OUTCOME_AWAY, REPLY_AWAY, 503,
         "{\"error\": \"the broker cannot be reached; send the event again later\"}\n", "broker away"},
        {OUTCOME_BLOCKED, REPLY_BLOCKED, 503,
         "{\"error\": \"the broker accepts no events for now; send the event again later\"}\n",
         "broker blocked"},
        {OUTCOME_UNROUTABLE, REPLY_UNROUTABLE, 503,
         "{\"error\": \"the broker has no queue for the event: run `sluice setup`, then send the event "
         "again\"}\n",
         "unroutable"},
    };
    struct reply reply;

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_false(reply_outcome(&reply, expected[i].outcome));
        assert_int_equal(reply.kind, expected[i].kind);
        assert_int_equal(reply_status(reply.kind), expected[i].status);
        assert_string_equal(body_of(build(reply.kind, reply.text, (struct reply_form){0})), expected[i].body);
        assert_string_equal(reply_readiness(expected[i].outcome), expected[i].readiness);
    }
}

static void every_reply_says_when_it_was_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_non_null(strstr(build(kinds[i], "x", (struct reply_form){.now_s = 784111777}),
                               "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    }
    assert_non_null(strstr(build(REPLY_QUEUED, "x", (struct reply_form){.now_s = 1709164800}),
                           "\r\nDate: Thu, 29 Feb 2024 00:00:00 GMT\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_says_when_it_was_made),
        cmocka_unit_test(every_reply_has_its_exact_length_even_without_a_body),
        cmocka_unit_test(only_a_queued_event_or_a_handshake_gets_2xx_and_nothing_gets_3xx_or_410),
        cmocka_unit_test(the_reply_to_a_queued_event_has_its_id_escaped),
        cmocka_unit_test(a_source_may_have_its_own_reply_and_204_has_no_body),
        cmocka_unit_test(a_challenge_is_returned_as_text_as_a_json_member_or_as_a_header),
        cmocka_unit_test(cloudevents_are_allowed_from_the_origin_at_the_sources_rate),
        cmocka_unit_test(a_throttled_sender_is_told_to_wait_until_the_next_event_is_allowed),
        cmocka_unit_test(every_503_says_when_to_come_back_spread_by_half),
        cmocka_unit_test(a_reply_before_a_close_says_connection_close),
        cmocka_unit_test(the_reply_to_a_wrong_method_lists_the_allowed_ones),
        cmocka_unit_test(a_refusal_keeps_its_sentence_cut_to_fit),
        cmocka_unit_test(a_refusal_is_text_wherever_it_is_cut_and_whatever_it_quotes),
        cmocka_unit_test(each_outcome_is_refused_with_the_sentence_of_its_row),
    };

    return cmocka_run_group_tests(tests, NULL, free_out);
}
