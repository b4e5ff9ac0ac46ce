/* SPDX-License-Identifier: MIT */
#include "gateway/event/event_id.h"

#include "clock.h"
#include "gateway/event/received_at.h"
#include "tests/unit/gateway/make_request.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct body_memory memory = {.most = INT64_MAX};

static struct event_id id;
static struct reply reply;

#define HEADER(name)                            \
    {                                           \
        .kind = EVENT_ID_HEADER, .text = (name) \
    }
#define POINTER(pointer)                            \
    {                                               \
        .kind = EVENT_ID_POINTER, .text = (pointer) \
    }
#define BODY                  \
    {                         \
        .kind = EVENT_ID_BODY \
    }
#define RULES(...) ((const struct event_id_rule[]){__VA_ARGS__, {.kind = EVENT_ID_END}})

static bool take_by(const struct event_id_rule *rules, const char *const *headers, const char *body)
{
    struct request r = make_request("POST", "/", headers);
    struct body_text text = body_text_of(&r, span_of(body), 1000, &memory);
    bool fine = event_id_take(rules, &r, &text, received_at_take(clock_wall_us()), &id, &reply);

    body_text_free(&text);
    return fine;
}

/* By the rules of a source that names none. */
static bool take(const char *const *headers)
{
    return take_by(RULES(HEADER("webhook-id"), HEADER("idempotency-key"), {.kind = EVENT_ID_FRESH}), headers,
                   "");
}

static bool point(const char *pointer, const char *body)
{
    return take_by(RULES(POINTER(pointer)), HEADERS("webhook-id", "never"), body);
}

static void webhook_id_comes_before_idempotency_key(void **state)
{
    (void)state;
    assert_true(take(HEADERS("Idempotency-Key", "two", "Webhook-ID", "one")));
    assert_string_equal(id.text, "one");
    assert_int_equal(id.len, 3);
    assert_true(take(HEADERS("Idempotency-Key", "two", "webhook-id", "")));
    assert_string_equal(id.text, "two");
}

static void without_either_header_the_id_is_a_new_uuid_that_sorts_by_time(void **state)
{
    char before[ENVELOPE_ID_MAX + 1] = "";
    char digits[13] = "";
    regex_t form;

    (void)state;
    assert_int_equal(
        regcomp(&form, "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", REG_EXTENDED),
        0);
    for (int i = 0; i < 1000; i++) {
        assert_true(take(HEADERS("Host", "a", "webhook-id", "")));
        assert_int_equal(regexec(&form, id.text, 0, NULL, 0), 0);
        assert_true(strcmp(before, id.text) < 0);
        memcpy(before, id.text, sizeof before);
    }
    memcpy(digits, id.text, 8);
    memcpy(digits + 8, id.text + 9, 4);
    assert_true(llabs(strtoll(digits, NULL, 16) - clock_wall_us() / CLOCK_US_PER_MS) < 60000);
    regfree(&form);
}

static void ids_that_cannot_be_stored_become_the_hash_of_their_text(void **state)
{
    static const struct {
        const char *text, *hash;
    } cases[] = {{"two words", "sha256:a03f1d611645eb53ad16c1af546ca0792dc884505bab57ede80f4dad6b911d3a"},
                 {"caf\xe9", "sha256:dafd66c0b98965e688be1fc12942c09f0350e6be0685017c3f234e97d0adc92e"},
                 {"a\x7f", "sha256:c5791af439fe7995107aba250c140cfd948cb08812c78ade269703c4b82c35fa"},
                 {"a\x01", "sha256:6023e54cda16371a6fc1257eb30c1585dcda4a1ea89ce2a7b540c2fe21c127fd"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(take(HEADERS("webhook-id", cases[i].text)));
        assert_string_equal(id.text, cases[i].hash);
        assert_int_equal(id.len, strlen(id.text));
    }
}

static void duplicate_headers_are_refused(void **state)
{
    (void)state;
    assert_false(take(HEADERS("webhook-id", "one", "Webhook-Id", "one")));
    assert_int_equal(reply.kind, REPLY_BAD_ID);
}

static void a_long_id_becomes_its_hash(void **state)
{
    char text[257];

    (void)state;
    memset(text, 'i', sizeof text);
    text[256] = '\0';
    assert_true(take(HEADERS("webhook-id", text)));
    assert_string_equal(id.text, "sha256:800c5f4bf0292fd1b14fe6490506a72c7dd4ab7518ced22bd3becdcd92bd23a9");
    assert_int_equal(id.len, strlen(id.text));
    text[255] = '\0';
    assert_true(take(HEADERS("webhook-id", text)));
    assert_string_equal(id.text, text);
}

static void a_header_rule_never_falls_back_to_another_header(void **state)
{
    const struct event_id_rule *rule = RULES(HEADER("x-github-delivery"));

    (void)state;
    assert_true(take_by(rule, HEADERS("webhook-id", "other", "X-GitHub-Delivery", "one"), ""));
    assert_string_equal(id.text, "one");
    assert_false(take_by(rule, HEADERS("webhook-id", "other"), ""));
    assert_int_equal(reply.kind, REPLY_BAD_ID);
    assert_non_null(strstr(reply.text, "x-github-delivery"));
    assert_false(take_by(rule, HEADERS("X-GitHub-Delivery", "a", "X-GitHub-Delivery", "a"), ""));
}

static void a_pointer_takes_a_string_or_a_number_and_nothing_else(void **state)
{
    static const char *const wrong[] = {
        "{}",          "",           "not json", "{\"id\":null}",       "{\"id\":true}", "{\"id\":{}}",
        "{\"id\":[]}", "{\"id\":-}", "[1]",      "{\"id\":1,\"id\":2}", "{\"id\":1} ,"};

    (void)state;
    assert_true(point("/id", "{\"id\":\"evt_1\"}"));
    assert_string_equal(id.text, "evt_1");
    assert_true(point("/a/1/id", " {\"a\" : [ {} , { \"id\" : \"e\\u0076t\\/2\" } ] } "));
    assert_string_equal(id.text, "evt/2");
    assert_true(point("/id", "{\"id\":123456789012345}"));
    assert_string_equal(id.text, "123456789012345");
    assert_true(point("/id", "{\"id\":9007199254740993}")); /* 2^53 + 1: no double holds it */
    assert_string_equal(id.text, "9007199254740993");
    assert_true(point("/id", "{\"id\":18446744073709551615}"));
    assert_string_equal(id.text, "18446744073709551615");
    assert_true(point("/id", "{\"id\":-99999999999999999999}"));
    assert_string_equal(id.text, "-99999999999999999999");
    assert_true(point("/id", "{\"id\":-7}"));
    assert_string_equal(id.text, "-7");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(point("/id", wrong[i]));
        assert_int_equal(reply.kind, REPLY_BAD_ID);
    }
}

static void a_string_or_number_that_cannot_be_stored_becomes_the_hash_of_its_text(void **state)
{
    static const struct {
        const char *body, *hash;
    } cases[] = {
        {"{\"id\":1.5}", "sha256:9f29a130438b81170b92a42650f9a94291ecad60bd47af2a3886e75f7f728725"},
        {"{\"id\":1e3}", "sha256:0b11ca015456e85e4a21de2d495f6bde1f3a7d8624c6d1ab181c4221bc1935eb"},
        {"{\"id\":100000000000000000000}",
         "sha256:c344e9487bfbd5c4e03c9fb90d62a5dde5e00b54d55c46e9f4a803aea162b80c"},
        {"{\"id\":\"a b\"}", "sha256:c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65"},
        {"{\"id\":\"a\\u0020b\"}", "sha256:c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65"},
        {"{\"id\":\"caf\xc3\xa9\"}",
         "sha256:850f7dc43910ff890f8879c0ed26fe697c93a067ad93a7d50f466a7028a9bf4e"},
        {"{\"id\":\"caf\\u00e9\"}",
         "sha256:850f7dc43910ff890f8879c0ed26fe697c93a067ad93a7d50f466a7028a9bf4e"},
        {"{\"id\":\"a\\u0000\"}", "sha256:ffe9aaeaa2a2d5048174df0b80599ef0197ec024c4b051bc9860cff58ef7f9f3"},
        {"{\"id\":\"\\ud800\"}", "sha256:fb3d435851b285a9c1dedadb318b5399d4769d64a30baaf8cf0db9071ad0a71c"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(point("/id", cases[i].body));
        assert_string_equal(id.text, cases[i].hash);
    }
}

/* All blank ids would otherwise be one row, and its events lost but for one. */
static void a_blank_id_is_replaced_by_the_bodys_hash(void **state)
{
    static const char *const blank[] = {"", " ", "\\t", "\\u0000", " \\r\\n\\u007f"};
    const struct event_id_rule *rule = RULES(HEADER("x-github-delivery"));
    char body[64], other[64];

    (void)state;
    for (size_t i = 0; i < sizeof blank / sizeof blank[0]; i++) {
        char before[ENVELOPE_ID_MAX + 1];

        (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"n\":1}", blank[i]);
        (void)snprintf(other, sizeof other, "{\"id\":\"%s\",\"n\":2}", blank[i]);
        assert_true(point("/id", body));
        memcpy(before, id.text, sizeof before);
        assert_true(point("/id", other));
        assert_string_not_equal(id.text, before);
    }
    assert_true(point("/id", "{\"id\":\"\"}"));
    assert_string_equal(id.text, "sha256:72d427b7264997760074a94dcc1c9e54ae2c33b05276bfb3cfcd0f5d2d8bba3a");
    assert_true(take_by(rule, HEADERS("X-GitHub-Delivery", ""), "x"));
    assert_string_equal(id.text, "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    assert_false(take_by(rule, HEADERS("a", "b"), "x"));
}

static void if_the_rule_says_so_the_bodys_hash_replaces_an_absent_id(void **state)
{
    const struct event_id_rule *rule = RULES(POINTER("/event_id"), BODY);

    (void)state;
    assert_true(take_by(rule, HEADERS("a", "b"), "{\"event_id\":\"Ev1\"}"));
    assert_string_equal(id.text, "Ev1");
    assert_true(take_by(rule, HEADERS("a", "b"), "command=%2Fx"));
    assert_string_equal(id.text, "sha256:ed7241c0197089b0ddecf332f0f55cf3f1d59cc8c42737a18ca7171fe302a72c");
    assert_false(take_by(rule, HEADERS("a", "b"), "{\"event_id\":1,\"event_id\":2}"));
    rule = RULES(HEADER("idempotency-key"), BODY);
    assert_true(take_by(rule, HEADERS("a", "b"), ""));
    assert_string_equal(id.text, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    rule = RULES(BODY);
    assert_true(take_by(rule, HEADERS("webhook-id", "never"), "command=%2Fx"));
    assert_string_equal(id.text, "sha256:ed7241c0197089b0ddecf332f0f55cf3f1d59cc8c42737a18ca7171fe302a72c");
}

static void the_first_rule_that_fits_wins(void **state)
{
    const struct event_id_rule *rules = RULES(POINTER("/id"), HEADER("x-id"), POINTER("/event/id"));

    (void)state;
    assert_true(take_by(rules, HEADERS("X-Id", "h"), "{\"id\":\"a\",\"event\":{\"id\":\"b\"}}"));
    assert_string_equal(id.text, "a");
    assert_true(take_by(rules, HEADERS("X-Id", "h"), "{\"id\":{},\"event\":{\"id\":\"b\"}}"));
    assert_string_equal(id.text, "h");
    assert_true(take_by(rules, HEADERS("X-Id", " "), "{\"id\":\"\",\"event\":{\"id\":7}}"));
    assert_string_equal(id.text, "7");
    assert_true(take_by(rules, HEADERS("X-Id", "h"), "no JSON"));
    assert_string_equal(id.text, "h");
    assert_false(take_by(rules, HEADERS("a", "b"), "{}"));
    assert_int_equal(reply.kind, REPLY_BAD_ID);
    assert_string_equal(reply.text, "there is no id in /id, x-id, /event/id");
    /* What is ambiguous in one place is not made right by another. */
    assert_false(take_by(rules, HEADERS("X-Id", "h"), "{\"id\":1,\"id\":2}"));
    assert_false(take_by(rules, HEADERS("X-Id", "h", "X-Id", "i"), "{}"));
}

static void keep_is_that_of_the_rule_that_found_the_id(void **state)
{
    static const struct event_id_rule rules[] = {
        {EVENT_ID_POINTER, "/id", ENVELOPE_KEEP_NEWEST},
        {EVENT_ID_HEADER, "x-id", ENVELOPE_KEEP_FIRST},
        {EVENT_ID_POINTER, "/event", ENVELOPE_KEEP_NEWEST},
        {.kind = EVENT_ID_END},
    };

    (void)state;
    assert_true(take_by(rules, HEADERS("x-id", "h"), "{\"id\":\"a\"}"));
    assert_int_equal(id.keep, ENVELOPE_KEEP_NEWEST);
    assert_true(take_by(rules, HEADERS("x-id", "h"), "{\"event\":\"a\"}"));
    assert_int_equal(id.keep, ENVELOPE_KEEP_FIRST);
    assert_true(take_by(rules, HEADERS("a", "b"), "{\"event\":\"a\"}"));
    assert_int_equal(id.keep, ENVELOPE_KEEP_NEWEST);
    assert_true(take_by(rules, HEADERS("x-id", ""), "{}")); /* blank: the body's hash */
    assert_int_equal(id.keep, ENVELOPE_KEEP_FIRST);
}

/* Once, the coding of the body was ignored: such senders' events must still be taken. */
static void a_body_that_is_not_in_its_coding_is_read_as_it_came(void **state)
{
    static const char *const codings[] = {"gzip", "deflate", "br", "utf-8", "gzip, br", "identity", ""};

    (void)state;
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        assert_true(
            take_by(RULES(POINTER("/id")), HEADERS("Content-Encoding", codings[i]), "{\"id\":\"a\"}"));
        assert_string_equal(id.text, "a");
    }
}

static void the_refusal_names_the_flaw_of_the_body(void **state)
{
    (void)state;
    assert_false(take_by(RULES(POINTER("/id")), HEADERS("Content-Encoding", "Br"), "\x0b\x02"));
    assert_int_equal(reply.kind, REPLY_BAD_ID);
    assert_string_equal(
        reply.text,
        "there is no id in /id: the body's Content-Encoding is Br; only gzip or deflate can be read");
    assert_false(take_by(RULES(POINTER("/id")), HEADERS("Content-Encoding", "br"), "{}"));
    assert_non_null(strstr(reply.text, "is br;"));
    assert_false(take_by(RULES(HEADER("a")), HEADERS("Content-Encoding", "br"), "{}"));
    assert_string_equal(reply.text, "there is no id in a"); /* the body was not read */
    assert_true(
        take_by(RULES(POINTER("/id"), HEADER("x-id")), HEADERS("Content-Encoding", "br", "x-id", "h"), "?"));
    assert_string_equal(id.text, "h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhook_id_comes_before_idempotency_key),
        cmocka_unit_test(without_either_header_the_id_is_a_new_uuid_that_sorts_by_time),
        cmocka_unit_test(ids_that_cannot_be_stored_become_the_hash_of_their_text),
        cmocka_unit_test(duplicate_headers_are_refused),
        cmocka_unit_test(a_long_id_becomes_its_hash),
        cmocka_unit_test(a_header_rule_never_falls_back_to_another_header),
        cmocka_unit_test(a_pointer_takes_a_string_or_a_number_and_nothing_else),
        cmocka_unit_test(a_string_or_number_that_cannot_be_stored_becomes_the_hash_of_its_text),
        cmocka_unit_test(a_blank_id_is_replaced_by_the_bodys_hash),
        cmocka_unit_test(if_the_rule_says_so_the_bodys_hash_replaces_an_absent_id),
        cmocka_unit_test(the_first_rule_that_fits_wins),
        cmocka_unit_test(keep_is_that_of_the_rule_that_found_the_id),
        cmocka_unit_test(a_body_that_is_not_in_its_coding_is_read_as_it_came),
        cmocka_unit_test(the_refusal_names_the_flaw_of_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
