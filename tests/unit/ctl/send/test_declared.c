/* SPDX-License-Identifier: MIT */
#include "ctl/send/members.h"
#include "ctl/send/sign.h"
#include "gateway/verify/schemes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1614265330
#define BODY "{\"a\":1}"
#define URL "http://gateway.example:8080"

/* A request that is signed by these members, and the same rule with its secret. */
struct signed_request {
    cJSON *headers;
    struct verify_rule rule;
};

static void open_rule(const char *members, const char *id, struct route *route)
{
    const struct members_options options = {"hmac", members, id};
    struct buf complaints = {0};

    if (!members_open(route, &options, &complaints)) {
        fail_msg("%s: %s", members, buf_text(&complaints));
    }
    buf_free(&complaints);
}

/* given: headers of the command line. */
static struct signed_request sign_request(const char *members, const char *id, const char *given)
{
    const struct sign_event event = {SPAN_LITERAL("an-id"), SPAN_LITERAL(BODY), "PUT", URL, NOW};
    struct signed_request r = {.headers = cJSON_Parse(given)};
    struct route route = {0}, again = {0};
    struct sign_options options = {.secret_env = "TEST_SECRET"};
    struct buf path = {0};
    struct error error;
    struct sign *sign;

    (void)setenv("TEST_SECRET", "4a656665", 1);
    open_rule(members, id, &route);
    open_rule(members, id, &again);
    options.rule = &route.source->verify;
    assert_int_equal(sign_open(&sign, &options, &error), ERROR_NONE);
    buf_append_text(&path, "/hook?a=1");
    if (sign_headers(sign, &event, &path, r.headers, &error) != ERROR_NONE) {
        fail_msg("%s: %s", members, error.text);
    }
    r.rule = again.source->verify;
    again.source->verify = (struct verify_rule){0};
    assert_int_equal(verify_rule_add_secret(&r.rule, span_of("4a656665"), &error), ERROR_NONE);
    sign_close(sign);
    buf_free(&path);
    route_close(&route);
    route_close(&again);
    return r;
}

static void close_request(struct signed_request *r)
{
    cJSON_Delete(r->headers);
    verify_rule_free(&r->rule);
}

static enum verify_cause judge(const struct signed_request *r, const char *body)
{
    struct request request = {.method = SPAN_LITERAL("PUT"),
                              .path = SPAN_LITERAL("/hook"),
                              .query = SPAN_LITERAL("a=1"),
                              .host = SPAN_LITERAL("gateway.example:8080")};
    enum verify_cause cause;
    const cJSON *header;
    bool verified;

    cJSON_ArrayForEach(header, r->headers)
    {
        request.headers[request.header_count].name = span_of(header->string);
        request.headers[request.header_count++].value = span_of(header->valuestring);
    }
    verified = verify_key(&r->rule, &request, span_of(body), NOW, &cause) != NULL;
    assert_int_equal(verified, cause == VERIFY_FINE);
    return cause;
}

static const char *header_of(const struct signed_request *r, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(r->headers, name));

    return value == NULL ? "" : value;
}

#define FIELDS "\"signed\": [\"time\", {\"text\": \".\"}, \"body\"], \"field\": \"v1\", "

static void each_declaration_is_signed_as_the_gateway_verifies_it(void **state)
{
    static const struct {
        const char *members, *id;
    } all[] = {
        {"\"header\": \"X-Sum\"", NULL},
        {"{\"header\": \"X-Sum\", \"prefix\": \"s=\", \"algorithm\": \"sha512\"}", NULL},
        {"\"header\": \"X-Sum\", \"field\": \"v1\", \"algorithm\": \"sha1\"", NULL},
        {"\"header\": \"X-Sum\", " FIELDS "\"time\": {\"field\": \"t\", \"unit\": \"milliseconds\"}", NULL},
        {"\"header\": \"X-Sum\", " FIELDS "\"time\": {\"header\": \"X-Time\", \"unit\": \"rfc3339\"}", NULL},
        {"\"header\": \"X-Sum\", \"encoding\": \"base64\", \"secret_encoding\": \"hex\"", NULL},
        {"\"header\": \"X-Sum\", \"secret_prefix\": \"4a\", \"secret_encoding\": \"hex\"", NULL},
        {"\"header\": \"X-Sum\", \"secret_encoding\": \"base64\"", NULL},
        {"\"header\": \"X-Sum\", \"signed\": [\"method\", \"url\", \"host\", \"path\", \"query\", \"body\"]",
         NULL},
        {"\"header\": \"X-Sum\", \"signed\": [\"url\", \"body\"], \"url\": \"https://hooks.example.com\"",
         NULL},
        {"\"header\": \"X-Sum\", \"signed\": [\"id\", \"body\"]", "{\"header\": \"X-Event\"}"},
        {"\"header\": \"X-Sum\", \"signed\": [{\"header\": \"X-Kind\"}, {\"header\": \"Host\"}, "
         "{\"header\": \"Content-Type\"}, {\"header\": \"Content-Length\"}, \"body\"]",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct signed_request r = sign_request(all[i].members, all[i].id, "{}");

        if (judge(&r, BODY) != VERIFY_FINE || judge(&r, BODY " ") != VERIFY_MISMATCH) {
            fail_msg("%s: %s", all[i].members, verify_cause_label(judge(&r, BODY)));
        }
        close_request(&r);
    }
}

static void the_time_is_written_in_its_unit_and_in_its_place(void **state)
{
    struct signed_request r;

    (void)state;
    r = sign_request("\"header\": \"X-Sum\", " FIELDS "\"time\": {\"field\": \"t\"}", NULL, "{}");
    assert_memory_equal(header_of(&r, "X-Sum"), "t=1614265330,v1=", 16);
    assert_int_equal(strlen(header_of(&r, "X-Sum")), 16 + 64);
    close_request(&r);
    r = sign_request("\"header\": \"Paddle-Signature\", " FIELDS
                     "\"time\": {\"field\": \"ts\", \"unit\": \"milliseconds\"}",
                     NULL, "{}");
    assert_memory_equal(header_of(&r, "Paddle-Signature"), "ts=1614265330000;v1=", 20);
    close_request(&r);
    r = sign_request("\"header\": \"WorkOS-Signature\", " FIELDS "\"time\": {\"field\": \"t\"}", NULL, "{}");
    assert_memory_equal(header_of(&r, "WorkOS-Signature"), "t=1614265330, v1=", 17);
    assert_int_equal(judge(&r, BODY), VERIFY_FINE);
    close_request(&r);
    r = sign_request("\"header\": \"X-Sum\", " FIELDS
                     "\"time\": {\"header\": \"X-Time\", \"unit\": \"rfc3339\"}",
                     NULL, "{\"x-time\": \"old\"}");
    assert_string_equal(header_of(&r, "X-Time"), "2021-02-25T15:02:10Z");
    assert_memory_equal(header_of(&r, "X-Sum"), "v1=", 3);
    assert_int_equal(cJSON_GetArraySize(r.headers), 3); /* with webhook-id */
    close_request(&r);
}

/* Providers' libraries compare texts: RFC 7515 has base64url without padding. */
static void base64url_has_no_padding(void **state)
{
    struct signed_request r = sign_request("\"header\": \"X-Sum\", \"encoding\": \"base64url\"", NULL, "{}");

    (void)state;
    assert_int_equal(strlen(header_of(&r, "X-Sum")), 43);
    assert_null(strpbrk(header_of(&r, "X-Sum"), "=+/"));
    assert_int_equal(judge(&r, BODY), VERIFY_FINE);
    close_request(&r);
}

static void signed_headers_are_those_of_the_command_line_or_a_sample(void **state)
{
    struct signed_request r = sign_request(
        "\"header\": \"X-Sum\", \"signed\": [\"id\", {\"header\": \"X-Kind\"}, {\"header\": \"X-Other\"}, "
        "{\"header\": \"Host\"}, {\"header\": \"Content-Length\"}, \"body\"]",
        "{\"header\": \"X-Event\"}", "{\"X-KIND\": \"order\"}");

    (void)state;
    assert_string_equal(header_of(&r, "X-Event"), "an-id");
    assert_string_equal(header_of(&r, "X-Kind"), "order");
    assert_string_equal(header_of(&r, "X-Other"), "sluice-test");
    assert_string_equal(header_of(&r, "Host"), "gateway.example:8080");
    assert_string_equal(header_of(&r, "Content-Length"), "7");
    assert_int_equal(judge(&r, BODY), VERIFY_FINE);
    close_request(&r);
}

static void wrong_members_are_complaints(void **state)
{
    static const struct {
        struct members_options options;
        const char *says;
    } all[] = {
        {{"gihtub", "", NULL}, "--sign gihtub"},
        {{"none", "", NULL}, "--sign none"},
        {{"hmac", "", NULL}, "verify.header: is missing"},
        {{"hmac", "\"header\": \"X\", \"secrets\": []", NULL}, "--members: verify: has"},
        {{"hmac", "[]", NULL}, "is not the JSON"},
        {{"hmac", "\"header\": \"X\"} {", NULL}, "is not the JSON"},
        {{"hmac", "\"header\": \"X\"", "{\"body\": false}"}, "--members: id.body"},
        {{"github", "\"header\": \"X\"", NULL}, "is not allowed for the scheme github"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct route route = {0};
        struct buf complaints = {0};

        assert_false(members_open(&route, &all[i].options, &complaints));
        if (strstr(buf_text(&complaints), all[i].says) == NULL) {
            fail_msg("%s: %s", all[i].options.members, buf_text(&complaints));
        }
        buf_free(&complaints);
        route_close(&route);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_declaration_is_signed_as_the_gateway_verifies_it),
        cmocka_unit_test(the_time_is_written_in_its_unit_and_in_its_place),
        cmocka_unit_test(base64url_has_no_padding),
        cmocka_unit_test(signed_headers_are_those_of_the_command_line_or_a_sample),
        cmocka_unit_test(wrong_members_are_complaints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
