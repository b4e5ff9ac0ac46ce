/* SPDX-License-Identifier: MIT */
#include "gateway/event/event_id.h"

#include "clock.h"
#include "gateway/event/received_at.h"
#include "tests/unit/gateway/make_request.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct event_id id;
static struct reply reply;

static bool take_by(struct event_id_rule rule, const char *const *headers, const char *body)
{
    struct request r = make_request("POST", "/", headers);

    return event_id_take(&rule, &r, span_of(body), received_at_take(clock_wall_us()), &id, &reply);
}

static bool take(const char *const *headers)
{
    return take_by((struct event_id_rule){EVENT_ID_ANY, NULL, false}, headers, "");
}

static bool point(const char *pointer, const char *body)
{
    return take_by((struct event_id_rule){EVENT_ID_POINTER, pointer, false}, HEADERS("webhook-id", "never"),
                   body);
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

static void unprintable_bytes_and_duplicate_headers_are_refused(void **state)
{
    static const char *const wrong[] = {"two words", "caf\xe9", "a\x7f", "\x01"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(take(HEADERS("webhook-id", wrong[i])));
        assert_int_equal(reply.kind, REPLY_BAD_ID);
    }
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
    struct event_id_rule rule = {EVENT_ID_HEADER, "x-github-delivery", false};

    (void)state;
    assert_true(take_by(rule, HEADERS("webhook-id", "other", "X-GitHub-Delivery", "one"), ""));
    assert_string_equal(id.text, "one");
    assert_false(take_by(rule, HEADERS("webhook-id", "other"), ""));
    assert_int_equal(reply.kind, REPLY_BAD_ID);
    assert_non_null(strstr(reply.text, "x-github-delivery"));
    assert_false(take_by(rule, HEADERS("X-GitHub-Delivery", ""), ""));
    assert_false(take_by(rule, HEADERS("X-GitHub-Delivery", "a", "X-GitHub-Delivery", "a"), ""));
    assert_false(take_by(rule, HEADERS("X-GitHub-Delivery", "two words"), ""));
}

static void a_pointer_takes_a_string_or_a_safe_integer_and_nothing_else(void **state)
{
    static const char *const wrong[] = {"{}",
                                        "",
                                        "not json",
                                        "{\"id\":null}",
                                        "{\"id\":true}",
                                        "{\"id\":{}}",
                                        "{\"id\":[]}",
                                        "{\"id\":\"\"}",
                                        "{\"id\":1.5}",
                                        "{\"id\":1e3}",
                                        "{\"id\":-}",
                                        "[1]",
                                        "{\"id\":1,\"id\":2}",
                                        "{\"id\":1234567890123456}",
                                        "{\"id\":\"a b\"}",
                                        "{\"id\":\"\\u00e9\"}",
                                        "{\"id\":\"\\u0000\"}",
                                        "{\"id\":\"\\ud800\"}",
                                        "{\"id\":\"caf\xc3\xa9\"}",
                                        "{\"id\":1} ,"};

    (void)state;
    assert_true(point("/id", "{\"id\":\"evt_1\"}"));
    assert_string_equal(id.text, "evt_1");
    assert_true(point("/a/1/id", " {\"a\" : [ {} , { \"id\" : \"e\\u0076t\\/2\" } ] } "));
    assert_string_equal(id.text, "evt/2");
    assert_true(point("/id", "{\"id\":123456789012345}"));
    assert_string_equal(id.text, "123456789012345");
    assert_true(point("/id", "{\"id\":-7}"));
    assert_string_equal(id.text, "-7");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(point("/id", wrong[i]));
        assert_int_equal(reply.kind, REPLY_BAD_ID);
    }
}

static void if_the_rule_says_so_the_bodys_hash_replaces_an_absent_id(void **state)
{
    struct event_id_rule rule = {EVENT_ID_POINTER, "/event_id", true};

    (void)state;
    assert_true(take_by(rule, HEADERS("a", "b"), "{\"event_id\":\"Ev1\"}"));
    assert_string_equal(id.text, "Ev1");
    assert_true(take_by(rule, HEADERS("a", "b"), "command=%2Fx"));
    assert_string_equal(id.text, "sha256:ed7241c0197089b0ddecf332f0f55cf3f1d59cc8c42737a18ca7171fe302a72c");
    /* A header that is present but unusable does not count as absent. */
    assert_false(take_by(rule, HEADERS("a", "b"), "{\"event_id\":1.5}"));
    rule = (struct event_id_rule){EVENT_ID_HEADER, "idempotency-key", true};
    assert_true(take_by(rule, HEADERS("a", "b"), ""));
    assert_string_equal(id.text, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    rule = (struct event_id_rule){EVENT_ID_BODY, NULL, false};
    assert_true(take_by(rule, HEADERS("webhook-id", "never"), "command=%2Fx"));
    assert_string_equal(id.text, "sha256:ed7241c0197089b0ddecf332f0f55cf3f1d59cc8c42737a18ca7171fe302a72c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhook_id_comes_before_idempotency_key),
        cmocka_unit_test(without_either_header_the_id_is_a_new_uuid_that_sorts_by_time),
        cmocka_unit_test(unprintable_bytes_and_duplicate_headers_are_refused),
        cmocka_unit_test(a_long_id_becomes_its_hash),
        cmocka_unit_test(a_header_rule_never_falls_back_to_another_header),
        cmocka_unit_test(a_pointer_takes_a_string_or_a_safe_integer_and_nothing_else),
        cmocka_unit_test(if_the_rule_says_so_the_bodys_hash_replaces_an_absent_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
