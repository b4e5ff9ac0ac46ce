/* SPDX-License-Identifier: MIT */
#include "gateway/verify/challenge.h"

#include "gateway/verify/schemes.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct body_memory memory = {.most = INT64_MAX};

static struct verify_rule rule;
static struct reply reply;

static void use(const char *scheme, const char *secret)
{
    struct error error;

    verify_rule_free(&rule);
    rule = scheme_rule(scheme_named(span_of(scheme)));
    rule.verify_token = strcmp(scheme, "meta") == 0 ? strdup("right token") : NULL;
    assert_int_equal(verify_rule_add_secret(&rule, span_of(secret), &error), ERROR_NONE);
}

static int free_rule(void **state)
{
    (void)state;
    verify_rule_free(&rule);
    return 0;
}

static enum challenge_outcome answer(const char *body)
{
    struct request r = make_request("POST", "/", HEADERS("X", "y"));
    struct body_text text = body_text_of(&r, span_of(body), 0, &memory);
    enum challenge_outcome outcome = challenge_answer(&rule, rule.keys[0], &text, &reply);

    body_text_free(&text);
    return outcome;
}

static void discords_ping_is_answered_in_kind_and_its_events_are_events(void **state)
{
    (void)state;
    use("ed25519", "d670ebc8f3beb0069a916996e197a3980e22cd272fe7e9155b1d6a9aa6b23e0e");
    assert_int_equal(answer("{\"type\": 1}"), CHALLENGE_NONE); /* not with Discord's header */
    rule.header = strdup("x-signature-ed25519");
    assert_int_equal(answer("{\"id\": \"1\", \"type\": 1, \"version\": 1}"), CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_CHALLENGE);
    assert_string_equal(reply.text, "{\"type\": 1}");
    assert_string_equal(reply.type, "application/json");
    assert_int_equal(answer("{\"type\": 1, \"event\": {\"type\": \"ENTITLEMENT_CREATE\"}}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\": 0}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\": 2}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\": 1.0}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\": \"1\"}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\": 1, \"type\": 1}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\": 1"), CHALLENGE_NONE);
    assert_int_equal(answer(""), CHALLENGE_NONE);
}

static enum challenge_outcome begin(const char *method, const char *query)
{
    struct request r = make_request(method, "/", HEADERS("X", "y"));

    r.query = span_of(query);
    return challenge_begin(&rule, &r, &reply);
}

static void slacks_challenge_is_echoed(void **state)
{
    (void)state;
    use("slack", "secret");
    assert_int_equal(
        answer("{\"token\":\"t\",\"challenge\":\"3eZbrw1aBm2rZgRNFdxV\",\"type\":\"url_verification\"}"),
        CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_CHALLENGE);
    assert_string_equal(reply.text, "3eZbrw1aBm2rZgRNFdxV");
}

static void an_event_that_only_mentions_a_challenge_is_an_event(void **state)
{
    (void)state;
    use("slack", "secret");
    assert_int_equal(answer("{\"type\":\"event_callback\",\"text\":\"url_verification\"}"), CHALLENGE_NONE);
    assert_int_equal(answer("{\"event\":{\"type\":\"url_verification\",\"challenge\":\"x\"}}"),
                     CHALLENGE_NONE);
    assert_int_equal(answer("{\"type\":\"url_verification\",\"type\":\"x\",\"challenge\":\"x\"}"),
                     CHALLENGE_NONE);
    assert_int_equal(answer("type=url_verification&challenge=x"), CHALLENGE_NONE);
    assert_int_equal(answer(""), CHALLENGE_NONE);
    use("github", "secret");
    assert_int_equal(answer("{\"type\":\"url_verification\",\"challenge\":\"x\"}"), CHALLENGE_NONE);
}

static void an_unsafe_challenge_is_not_echoed(void **state)
{
    static const char *const harmful[] = {"<script>", "a b", "",        "\\u0000", "caf\\u00e9", "a\\nb",
                                          "\\\"",     "a;b", "a%0d%0a", "&",       "\\ud800",    "'"};
    struct buf body = {0};

    (void)state;
    use("slack", "secret");
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++) {
        buf_clear(&body);
        buf_printf(&body, "{\"type\":\"url_verification\",\"challenge\":\"%s\"}", harmful[i]);
        assert_int_equal(answer(buf_text(&body)), CHALLENGE_ANSWERED);
        assert_int_equal(reply.kind, REPLY_MALFORMED);
    }
    assert_int_equal(answer("{\"type\":\"url_verification\"}"), CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_MALFORMED);
    for (int len = CHALLENGE_TEXT_MAX; len <= CHALLENGE_TEXT_MAX + 1; len++) {
        buf_clear(&body);
        buf_printf(&body, "{\"type\":\"url_verification\",\"challenge\":\"%0*d\"}", len, 0);
        assert_int_equal(answer(buf_text(&body)), CHALLENGE_ANSWERED);
        assert_int_equal(reply.kind, len > CHALLENGE_TEXT_MAX ? REPLY_MALFORMED : REPLY_CHALLENGE);
    }
    buf_free(&body);
}

static void zoom_gets_its_token_and_the_tokens_mac(void **state)
{
    (void)state;
    use("zoom", "zoom_secret_token");
    assert_int_equal(
        answer("{\"payload\":{\"plainToken\":\"qgg8vlvZRS6UYooatFL8Aw\"},\"event_ts\":1654503849680,"
               "\"event\":\"endpoint.url_validation\"}"),
        CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_CHALLENGE);
    assert_string_equal(reply.type, "application/json");
    assert_string_equal(reply.text, "{\"plainToken\": \"qgg8vlvZRS6UYooatFL8Aw\", \"encryptedToken\": "
                                    "\"bd48235863f4a6323ccc4963c594908b7c97f88b4a6a95278f4f093690b12726\"}");
    assert_int_equal(
        answer("{\"event\":\"endpoint.url_validation\",\"payload\":{\"plainToken\":\"a\\\"b\"}}"),
        CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_MALFORMED);
    assert_int_equal(answer("{\"event\":\"meeting.started\"}"), CHALLENGE_NONE);
}

static void metas_challenge_is_echoed_for_the_right_token(void **state)
{
    (void)state;
    use("meta", "secret");
    assert_int_equal(begin("GET", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=right+token"),
                     CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_CHALLENGE);
    assert_string_equal(reply.text, "1158201444");
    assert_int_equal(begin("GET", "hub.verify_token=right%20token&hub.mode=subscribe&hub.challenge=<a>"),
                     CHALLENGE_ANSWERED);
    assert_int_equal(reply.kind, REPLY_MALFORMED);
}

static void metas_challenge_is_refused_without_the_right_token(void **state)
{
    static const char *const wrong[] = {
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=", "hub.mode=subscribe&hub.challenge=1",
        ("hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong&"
         "hub.verify_token=right+token")};

    (void)state;
    use("meta", "secret");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(begin("GET", wrong[i]), CHALLENGE_REFUSED);
        assert_int_equal(reply.kind, REPLY_UNVERIFIED);
    }
    free(rule.verify_token);
    rule.verify_token = strdup("");
    assert_int_equal(begin("GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token="), CHALLENGE_REFUSED);
    free(rule.verify_token);
    rule.verify_token = NULL;
    assert_int_equal(begin("GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token="), CHALLENGE_REFUSED);
}

static void a_request_that_is_not_a_subscription_is_verified_as_usual(void **state)
{
    (void)state;
    use("meta", "secret");
    assert_int_equal(begin("GET", ""), CHALLENGE_NONE);
    assert_int_equal(begin("GET", "hub.mode=unsubscribe&hub.verify_token=right+token"), CHALLENGE_NONE);
    assert_int_equal(begin("POST", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=right+token"),
                     CHALLENGE_NONE);
    use("github", "secret");
    assert_int_equal(begin("GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=right+token"),
                     CHALLENGE_NONE);
}

static void a_repeated_challenge_is_answered_each_time(void **state)
{
    (void)state;
    use("slack", "secret");
    for (int i = 0; i < 100; i++) {
        reply = (struct reply){0};
        assert_int_equal(answer("{\"type\":\"url_verification\",\"challenge\":\"x\"}"), CHALLENGE_ANSWERED);
        assert_int_equal(reply.kind, REPLY_CHALLENGE);
        assert_string_equal(reply.type, "text/plain");
    }
}

/* printf '{"type":"url_verification","challenge":"abc"}' | gzip -n */
static const unsigned char gzipped[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0xa9, 0x2c, 0x48,
    0x55, 0xb2, 0x52, 0x2a, 0x2d, 0xca, 0x89, 0x2f, 0x4b, 0x2d, 0xca, 0x4c, 0xcb, 0x4c, 0x4e, 0x2c,
    0xc9, 0xcc, 0xcf, 0x53, 0xd2, 0x51, 0x4a, 0xce, 0x48, 0xcc, 0xc9, 0x49, 0xcd, 0x4b, 0x07, 0x49,
    0x27, 0x26, 0x25, 0x2b, 0xd5, 0x02, 0x00, 0x88, 0xdc, 0xc5, 0x40, 0x2d, 0x00, 0x00, 0x00};

static void a_challenge_may_be_gzipped(void **state)
{
    struct request r = make_request("POST", "/", HEADERS("Content-Encoding", "gzip"));
    struct body_text text =
        body_text_of(&r, (struct span){(const char *)gzipped, sizeof gzipped}, 1000, &memory);

    (void)state;
    use("slack", "secret");
    assert_int_equal(challenge_answer(&rule, rule.keys[0], &text, &reply), CHALLENGE_ANSWERED);
    assert_string_equal(reply.text, "abc");
    body_text_free(&text);
    /* Half of it is an event, whose id is the body's hash. */
    text = body_text_of(&r, (struct span){(const char *)gzipped, sizeof gzipped / 2}, 1000, &memory);
    assert_int_equal(challenge_answer(&rule, rule.keys[0], &text, &reply), CHALLENGE_NONE);
    body_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slacks_challenge_is_echoed),
        cmocka_unit_test(discords_ping_is_answered_in_kind_and_its_events_are_events),
        cmocka_unit_test(an_event_that_only_mentions_a_challenge_is_an_event),
        cmocka_unit_test(an_unsafe_challenge_is_not_echoed),
        cmocka_unit_test(zoom_gets_its_token_and_the_tokens_mac),
        cmocka_unit_test(metas_challenge_is_echoed_for_the_right_token),
        cmocka_unit_test(metas_challenge_is_refused_without_the_right_token),
        cmocka_unit_test(a_request_that_is_not_a_subscription_is_verified_as_usual),
        cmocka_unit_test(a_repeated_challenge_is_answered_each_time),
        cmocka_unit_test(a_challenge_may_be_gzipped),
    };

    return cmocka_run_group_tests(tests, NULL, free_rule);
}
