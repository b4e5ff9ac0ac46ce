/* SPDX-License-Identifier: MIT */
#include "gateway/verify/declared_challenge.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOBODY HEADERS("X", "y")

/* The texts of a declaration are from malloc; the tests' are not, and nothing here frees them. */
static char challenge_member[] = "challenge", code_pointer[] = "/0/data/code", pointer[] = "/challenge",
            secret_header[] = "x-hook-secret", answer_header[] = "X-Hook-Secret", kind[] = "x-kind",
            check[] = "check";

static const struct declared_challenge none = {.place = DECLARED_CHALLENGE_NONE};
static const struct declared_challenge query = {.place = DECLARED_CHALLENGE_QUERY, .name = challenge_member};
static const struct declared_challenge header = {.place = DECLARED_CHALLENGE_HEADER,
                                                 .name = secret_header,
                                                 .echo = REPLY_ECHO_HEADER,
                                                 .echo_name = answer_header};
static const struct declared_challenge json = {.place = DECLARED_CHALLENGE_POINTER,
                                               .name = pointer,
                                               .echo = REPLY_ECHO_MEMBER,
                                               .echo_name = challenge_member};
static const struct declared_challenge marked = {
    .place = DECLARED_CHALLENGE_POINTER, .name = code_pointer, .mark_header = kind, .mark_value = check};
static const struct declared_challenge cloudevents = {.place = DECLARED_CHALLENGE_CLOUDEVENTS,
                                                      .echo = REPLY_ECHO_ORIGIN};
static const struct declared_challenge head = {.place = DECLARED_CHALLENGE_HEAD};

static struct reply reply;

/* True when the request is answered as such a challenge. */
static bool ask(const struct declared_challenge *challenge, const char *method, const char *target_query,
                const char *const *headers, const char *body, enum declared_challenge_proof proof,
                bool is_event_method)
{
    struct request r = make_request(method, "/", headers);

    r.query = span_of(target_query);
    reply = (struct reply){0};
    return declared_challenge_answer(challenge, &r, span_of(body), proof, is_event_method, &reply);
}

static bool open_ask(const struct declared_challenge *challenge, const char *method, const char *target_query,
                     const char *const *headers, const char *body)
{
    return ask(challenge, method, target_query, headers, body, DECLARED_CHALLENGE_UNCHECKED, false);
}

#define assert_returned(wanted, how)                   \
    do {                                               \
        assert_int_equal(reply.kind, REPLY_CHALLENGE); \
        assert_int_equal(reply.echo, how);             \
        assert_string_equal(reply.text, wanted);       \
    } while (0)

static void a_member_of_the_query_is_returned_decoded(void **state)
{
    (void)state;
    assert_true(open_ask(&query, "GET", "a=b&challenge=abc-1", NOBODY, ""));
    assert_returned("abc-1", REPLY_ECHO_TEXT);
    assert_string_equal(reply.type, "text/plain");
    assert_true(open_ask(&query, "POST", "challenge=Validation%3a+Testing%20reachability:%20%22%3cb%3e%22",
                         NOBODY, ""));
    assert_returned("Validation: Testing reachability: \"<b>\"", REPLY_ECHO_TEXT);
    assert_true(open_ask(&query, "GET", "%63hallenge=name+decoded", NOBODY, ""));
    assert_returned("name decoded", REPLY_ECHO_TEXT);
}

static void a_request_with_a_body_or_without_the_member_or_of_another_method_is_no_challenge(void **state)
{
    (void)state;
    assert_false(open_ask(&query, "POST", "challenge=abc", NOBODY, "{}"));
    assert_false(open_ask(&query, "GET", "challenge=abc", NOBODY, " "));
    assert_false(open_ask(&query, "GET", "challenges=abc&a=challenge", NOBODY, ""));
    assert_false(open_ask(&query, "GET", "challenge=", NOBODY, ""));
    assert_false(open_ask(&query, "GET", "", NOBODY, ""));
    assert_false(open_ask(&query, "PUT", "challenge=abc", NOBODY, ""));
    assert_false(open_ask(&query, "HEAD", "challenge=abc", NOBODY, ""));
    assert_false(open_ask(&query, "FETCH", "challenge=abc", NOBODY, ""));
    assert_false(open_ask(&none, "GET", "challenge=abc", NOBODY, ""));
}

static void a_header_is_returned_under_the_declared_name(void **state)
{
    (void)state;
    assert_true(open_ask(&header, "POST", "", HEADERS("X-Hook-Secret", "b537207f"), ""));
    assert_returned("b537207f", REPLY_ECHO_HEADER);
    assert_string_equal(reply.name, "X-Hook-Secret");
    assert_true(open_ask(&header, "POST", "", HEADERS("X-HOOK-SECRET", "b537207f"), "{}"));
    assert_true(open_ask(&header, "GET", "", HEADERS("X-Hook-Secret", "b537207f"), ""));
    assert_false(open_ask(&header, "POST", "", HEADERS("X-Hook-Secret", "b537207f"), "{\"events\":[]}"));
    assert_false(open_ask(&header, "POST", "", HEADERS("X-Hook-Secret", ""), ""));
    assert_false(open_ask(&header, "POST", "", NOBODY, ""));
    assert_false(open_ask(&header, "DELETE", "", HEADERS("X-Hook-Secret", "b537207f"), ""));
}

static void the_only_member_of_a_body_is_returned(void **state)
{
    (void)state;
    assert_true(open_ask(&json, "POST", "", NOBODY, " {\n\"challenge\" : \"3eZ\\\"\\\\\\u0062\" } \n"));
    assert_returned("3eZ\"\\b", REPLY_ECHO_MEMBER);
    assert_string_equal(reply.name, "challenge");
}

static void an_event_that_has_the_member_too_is_no_challenge(void **state)
{
    static const char *const events[] = {"{\"challenge\":\"x\",\"event\":{}}",
                                         "{\"event\":{},\"challenge\":\"x\"}",
                                         "{\"event\":{\"challenge\":\"x\"}}",
                                         "{\"challenge\":\"x\",\"challenge\":\"x\"}",
                                         "{\"challenge\":1}",
                                         "{\"challenge\":{}}",
                                         "{\"challenge\":\"\"}",
                                         "{\"challenge\":\"\\ud800\"}",
                                         "{\"challenge\":\"x\"",
                                         "{\"challenge\":\"x\"}{",
                                         "[\"challenge\"]",
                                         "{}",
                                         "challenge=x",
                                         ""};

    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_false(open_ask(&json, "POST", "", NOBODY, events[i]));
    }
    assert_false(open_ask(&json, "GET", "", NOBODY, "{\"challenge\":\"x\"}"));
    assert_false(open_ask(&json, "PUT", "", NOBODY, "{\"challenge\":\"x\"}"));
}

static void a_long_body_is_not_searched(void **state)
{
    struct buf body = {0};

    (void)state;
    for (int more = 0; more <= 1; more++) {
        buf_clear(&body);
        buf_printf(&body, "%-*s", DECLARED_CHALLENGE_BODY_MAX + more, "{\"challenge\":\"x\"}");
        assert_int_equal(open_ask(&json, "POST", "", NOBODY, buf_text(&body)), more == 0);
    }
    buf_free(&body);
}

static void a_marked_challenge_may_be_anywhere_in_the_body(void **state)
{
    static const char body[] = "[{\"id\":\"1\",\"data\":{\"code\":\"512d\",\"url\":\"u\"}}]";
    const char *const *mark = HEADERS("X-Kind", "check");

    (void)state;
    assert_true(open_ask(&marked, "POST", "", mark, body));
    assert_returned("512d", REPLY_ECHO_TEXT);
    assert_false(open_ask(&marked, "POST", "", NOBODY, body));
    assert_false(open_ask(&marked, "POST", "", HEADERS("X-Kind", "Check"), body));
    assert_false(open_ask(&marked, "POST", "", HEADERS("X-Kind", "check", "X-Kind", "check"), body));
    assert_false(open_ask(&marked, "POST", "", mark, "[{\"id\":\"1\"}]"));
}

static void cloudevents_origin_is_returned(void **state)
{
    const char *const *origin = HEADERS("WebHook-Request-Origin", "eventgrid.azure.net");

    (void)state;
    assert_true(open_ask(&cloudevents, "OPTIONS", "", origin, ""));
    assert_returned("eventgrid.azure.net", REPLY_ECHO_ORIGIN);
    assert_false(open_ask(&cloudevents, "OPTIONS", "", NOBODY, ""));
    assert_false(open_ask(&cloudevents, "POST", "", origin, "{}"));
}

static void head_is_answered(void **state)
{
    (void)state;
    assert_true(open_ask(&head, "HEAD", "", NOBODY, ""));
    assert_returned("", REPLY_ECHO_TEXT);
    assert_false(open_ask(&head, "GET", "", NOBODY, ""));
    assert_false(open_ask(&head, "POST", "", NOBODY, "{}"));
}

static void a_wrong_proof_is_never_answered(void **state)
{
    (void)state;
    for (int event = 0; event <= 1; event++) {
        assert_false(ask(&query, "GET", "challenge=a", NOBODY, "", DECLARED_CHALLENGE_REFUTED, event));
        assert_false(ask(&marked, "POST", "", HEADERS("X-Kind", "check"), "[{\"data\":{\"code\":\"a\"}}]",
                         DECLARED_CHALLENGE_REFUTED, event));
        assert_false(ask(&head, "HEAD", "", NOBODY, "", DECLARED_CHALLENGE_REFUTED, event));
    }
}

static void a_request_that_verifies_is_an_event_unless_its_method_is_no_events_or_it_has_the_mark(
    void **state)
{
    static const char body[] = "[{\"data\":{\"code\":\"a\"}}]";

    (void)state;
    assert_false(ask(&json, "POST", "", NOBODY, "{\"challenge\":\"x\"}", DECLARED_CHALLENGE_PROVEN, true));
    assert_false(
        ask(&header, "POST", "", HEADERS("X-Hook-Secret", "a"), "", DECLARED_CHALLENGE_PROVEN, true));
    assert_true(ask(&header, "GET", "", HEADERS("X-Hook-Secret", "a"), "", DECLARED_CHALLENGE_PROVEN, false));
    assert_true(ask(&marked, "POST", "", HEADERS("X-Kind", "check"), body, DECLARED_CHALLENGE_PROVEN, true));
    assert_false(ask(&marked, "POST", "", NOBODY, body, DECLARED_CHALLENGE_PROVEN, true));
}

static void without_a_proof_only_an_unmarked_challenge_is_answered(void **state)
{
    (void)state;
    assert_true(ask(&json, "POST", "", NOBODY, "{\"challenge\":\"x\"}", DECLARED_CHALLENGE_UNPROVEN, true));
    assert_true(ask(&query, "GET", "challenge=a", NOBODY, "", DECLARED_CHALLENGE_UNPROVEN, false));
    assert_false(ask(&marked, "POST", "", HEADERS("X-Kind", "check"), "[{\"data\":{\"code\":\"a\"}}]",
                     DECLARED_CHALLENGE_UNPROVEN, true));
}

static void what_could_end_a_header_or_is_no_ascii_is_refused(void **state)
{
    static const char *const harmful[] = {"a%0d%0aSet-Cookie:b", "a%0ab",  "%00", "a%09b", "%7f",
                                          "caf%c3%a9",           "%1b[31m"};
    static const char *const values[] = {"a\r\nSet-Cookie: b", "a\tb", "\x7f", "caf\xe9"};

    (void)state;
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++) {
        char text[64];

        (void)snprintf(text, sizeof text, "challenge=%s", harmful[i]);
        assert_true(open_ask(&query, "GET", text, NOBODY, ""));
        assert_int_equal(reply.kind, REPLY_MALFORMED);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(open_ask(&header, "POST", "", HEADERS("X-Hook-Secret", values[i]), ""));
        assert_int_equal(reply.kind, REPLY_MALFORMED);
        assert_true(open_ask(&cloudevents, "OPTIONS", "", HEADERS("WebHook-Request-Origin", values[i]), ""));
        assert_int_equal(reply.kind, REPLY_MALFORMED);
    }
    assert_true(open_ask(&json, "POST", "", NOBODY, "{\"challenge\":\"a\\u0000b\"}"));
    assert_int_equal(reply.kind, REPLY_MALFORMED);
}

static void a_challenge_has_at_most_so_many_characters(void **state)
{
    struct buf text = {0};

    (void)state;
    for (int more = 0; more <= 1; more++) {
        buf_clear(&text);
        buf_printf(&text, "challenge=%0*d", CHALLENGE_TEXT_MAX + more, 0);
        assert_true(open_ask(&query, "GET", buf_text(&text), NOBODY, ""));
        assert_int_equal(reply.kind, more == 0 ? REPLY_CHALLENGE : REPLY_MALFORMED);
        assert_int_equal(strlen(reply.text) == CHALLENGE_TEXT_MAX, more == 0);
    }
    buf_free(&text);
}

static void each_kind_has_its_methods(void **state)
{
    struct buf methods = {0};
    static const struct {
        const struct declared_challenge *challenge;
        const char *methods;
    } all[] = {{&none, ""},     {&query, "GET, POST"}, {&header, "GET, POST"},
               {&json, "POST"}, {&head, "HEAD"},       {&cloudevents, "OPTIONS"}};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        buf_clear(&methods);
        request_append_methods(declared_challenge_methods(all[i].challenge), &methods);
        assert_string_equal(buf_text(&methods), all[i].methods);
    }
    buf_free(&methods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_the_query_is_returned_decoded),
        cmocka_unit_test(a_request_with_a_body_or_without_the_member_or_of_another_method_is_no_challenge),
        cmocka_unit_test(a_header_is_returned_under_the_declared_name),
        cmocka_unit_test(the_only_member_of_a_body_is_returned),
        cmocka_unit_test(an_event_that_has_the_member_too_is_no_challenge),
        cmocka_unit_test(a_long_body_is_not_searched),
        cmocka_unit_test(a_marked_challenge_may_be_anywhere_in_the_body),
        cmocka_unit_test(cloudevents_origin_is_returned),
        cmocka_unit_test(head_is_answered),
        cmocka_unit_test(a_wrong_proof_is_never_answered),
        cmocka_unit_test(
            a_request_that_verifies_is_an_event_unless_its_method_is_no_events_or_it_has_the_mark),
        cmocka_unit_test(without_a_proof_only_an_unmarked_challenge_is_answered),
        cmocka_unit_test(what_could_end_a_header_or_is_no_ascii_is_refused),
        cmocka_unit_test(a_challenge_has_at_most_so_many_characters),
        cmocka_unit_test(each_kind_has_its_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
