/* SPDX-License-Identifier: MIT */
#include "ctl/send/sign.h"

#include "ctl/send/sample.h"
#include "gateway/verify/schemes.h"
#include "tests/unit/key_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1614265330

#define EXTRA 1 /* entries of `all` besides one for each scheme with secrets */

/* The least that a route of each scheme needs; then some with more options. */
static struct sign_options all[SCHEME_COUNT - 1 + EXTRA];

#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* Of other pairs. */
#define ED25519_OTHER "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define P256_OTHER                                                                                          \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8" \
    "vGyDC1+n1F3o8KU1EYimQ=="

static char key_file[] = "/tmp/sluice-sign-XXXXXX";

static int fill_options(void **state)
{
    int file = mkstemp(key_file);

    (void)state;
    if (file < 0 || close(file) != 0) {
        return -1;
    }
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);

        all[i - VERIFY_STANDARD] = (struct sign_options){
            .scheme = scheme->name,
            .header = (scheme->takes & SCHEME_HEADER) != 0 ? "x-my-proof" : NULL,
            .user = (scheme->needs & SCHEME_USER) != 0 ? "me" : NULL,
        };
    }
    all[SCHEME_COUNT - 1] = (struct sign_options){.scheme = "hmac",
                                                  .header = "x-my-mac",
                                                  .algorithm = "sha512",
                                                  .encoding = "base64",
                                                  .prefix = "mac="};
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(key_file);
}

static void write_key(const char *text)
{
    FILE *file = fopen(key_file, "wb");

    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* NULL for a scheme whose providers don't sign by a private key. */
static const char *private_of(const char *scheme)
{
    return strcmp(scheme, "ed25519") == 0 ? ED25519_PRIVATE
           : strcmp(scheme, "ecdsa") == 0 ? P256_PRIVATE
                                          : NULL;
}

/* The secret of the rule; for a scheme with private keys the public one, or another. */
static const char *secret_of(const char *scheme, const char *secret)
{
    bool right = strcmp(secret, SECRET) == 0;

    if (strcmp(scheme, "ed25519") == 0) {
        return right ? ED25519_PUBLIC : ED25519_OTHER;
    }
    return strcmp(scheme, "ecdsa") != 0 ? secret : right ? P256_PUBLIC : P256_OTHER;
}

/* Makes the rule that a route would have. */
static struct verify_rule rule_of(const struct sign_options *o, const char *secret)
{
    struct verify_rule rule = scheme_rule(scheme_named(span_of(o->scheme)));
    struct error error;

    rule.header = o->header == NULL ? NULL : strdup(o->header);
    rule.prefix = o->prefix == NULL ? NULL : strdup(o->prefix);
    rule.user = o->user == NULL ? NULL : strdup(o->user);
    assert_true(o->algorithm == NULL || secret_key_algorithm_of(span_of(o->algorithm), &rule.algorithm));
    assert_true(o->encoding == NULL || encoding_of(span_of(o->encoding), &rule.encoding));
    assert_int_equal(verify_rule_add_secret(&rule, span_of(secret_of(o->scheme, secret)), &error),
                     ERROR_NONE);
    return rule;
}

static struct sign *open_sign(const struct sign_options *options)
{
    struct sign_options o = *options;
    struct error error = {0};
    struct sign *sign;

    (void)setenv("TEST_SECRET", SECRET, 1);
    if (private_of(o.scheme) != NULL) {
        write_key(private_of(o.scheme));
        o.secret_file = key_file;
    } else {
        o.secret_env = "TEST_SECRET";
    }
    if (sign_open(&sign, &o, &error) != ERROR_NONE) {
        fail_msg("%s: %s", o.scheme, error.text);
    }
    return sign;
}

static struct request request_of(const cJSON *headers, struct buf *path)
{
    const char *text = buf_text(path), *mark = strchr(text, '?');
    struct request r = {
        .method = SPAN_LITERAL("POST"), .host = SPAN_LITERAL("hooks.example.com"), .https = true};
    const cJSON *header;

    r.path = (struct span){text, mark == NULL ? strlen(text) : (size_t)(mark - text)};
    r.query = span_of(mark == NULL ? "" : mark + 1);
    cJSON_ArrayForEach(header, headers)
    {
        r.headers[r.header_count].name = span_of(header->string);
        r.headers[r.header_count++].value = span_of(header->valuestring);
    }
    return r;
}

/* Signs, and verifies with the gateway's own code. */
static enum verify_cause judge(const struct sign_options *options, const char *path_text, const char *body,
                               const char *secret)
{
    struct sign *sign = open_sign(options);
    struct verify_rule rule = rule_of(options, secret);
    cJSON *headers = cJSON_CreateObject();
    struct buf path = {0}, own = {0};
    struct sign_event event = {SPAN_LITERAL("an-id"), {0}, "POST", "https://hooks.example.com", NOW};
    enum verify_cause cause;
    struct request request;
    struct error error;
    bool verified;

    sample_body(sign_scheme(sign), event.id, &own);
    event.body = body == NULL ? buf_span(&own) : span_of(body);
    buf_append_text(&path, path_text);
    assert_int_equal(sign_headers(sign, &event, &path, headers, &error), ERROR_NONE);
    request = request_of(headers, &path);
    verified = verify_key(&rule, &request, event.body, NOW, &cause) != NULL;
    assert_int_equal(verified, cause == VERIFY_FINE);
    cJSON_Delete(headers);
    buf_free(&path);
    buf_free(&own);
    verify_rule_free(&rule);
    sign_close(sign);
    return cause;
}

static void what_is_signed_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (judge(&all[i], "/hook?a=1", NULL, SECRET) != VERIFY_FINE) {
            fail_msg("%s", all[i].scheme);
        }
        assert_int_equal(judge(&all[i], "/hook?a=1", NULL, "AAAA" SECRET), VERIFY_MISMATCH);
        assert_int_equal(judge(&all[i], "/", "{\"other\": \"body\"}", SECRET), VERIFY_FINE);
        assert_int_equal(judge(&all[i], "/", "", SECRET), VERIFY_FINE);
    }
}

/* A route's default rule then finds it. */
static void the_id_stands_where_the_scheme_looks_for_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct scheme *scheme = scheme_named(span_of(all[i].scheme));
        struct sign *sign = open_sign(&all[i]);
        cJSON *headers = cJSON_CreateObject();
        struct buf path = {0}, body = {0};
        struct sign_event event = {SPAN_LITERAL("an-id"), {0}, "POST", "https://hooks.example.com", NOW};
        struct error error;

        sample_body(sign_scheme(sign), event.id, &body);
        event.body = buf_span(&body);
        assert_int_equal(sign_headers(sign, &event, &path, headers, &error), ERROR_NONE);
        if (scheme->id[0].kind == EVENT_ID_HEADER) {
            assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(headers, scheme->id[0].text)),
                                "an-id");
        } else {
            assert_non_null(strstr(buf_text(&body), "an-id"));
        }
        cJSON_Delete(headers);
        buf_free(&path);
        buf_free(&body);
        sign_close(sign);
    }
}

static void headers_of_the_same_name_are_replaced(void **state)
{
    struct sign *sign = open_sign(&(struct sign_options){.scheme = "github"});
    cJSON *headers =
        cJSON_Parse("{\"x-hub-signature-256\": \"old\", \"X-GITHUB-EVENT\": \"push\", \"A\": \"b\"}");
    struct sign_event event = {SPAN_LITERAL("an-id"), SPAN_LITERAL("x"), "POST", "http://h", NOW};
    struct buf path = {0};
    struct error error;

    (void)state;
    assert_int_equal(sign_headers(sign, &event, &path, headers, &error), ERROR_NONE);
    assert_int_equal(cJSON_GetArraySize(headers), 4);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(headers, "x-github-event")), "push");
    cJSON_Delete(headers);
    buf_free(&path);
    sign_close(sign);
}

static void assert_refused(struct sign_options options, const char *says)
{
    struct error error = {0};
    struct sign *sign;

    assert_int_equal(sign_open(&sign, &options, &error), ERROR_SETTING);
    assert_null(sign);
    if (strstr(error.text, says) == NULL) {
        fail_msg("%s", error.text);
    }
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    (void)setenv("TEST_SECRET", SECRET, 1);
    (void)setenv("TEST_EMPTY", "", 1);
    (void)setenv("TEST_PUBLIC", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", 1);
    assert_refused((struct sign_options){.scheme = "gihtub", .secret_env = "TEST_SECRET"},
                   "must be one of standard");
    assert_refused((struct sign_options){.scheme = "none", .secret_env = "TEST_SECRET"},
                   "must be one of standard");
    assert_refused((struct sign_options){.scheme = "github"}, "--secret-file or --secret-env");
    assert_refused((struct sign_options){.scheme = "github", .secret_env = "TEST_SECRET", .secret_file = "x"},
                   "either");
    assert_refused((struct sign_options){.scheme = "github", .secret_env = "TEST_NONE"}, "TEST_NONE");
    assert_refused((struct sign_options){.scheme = "github", .secret_env = "TEST_EMPTY"}, "empty");
    assert_refused((struct sign_options){.scheme = "github", .secret_file = "/nowhere"}, "/nowhere");
    assert_refused((struct sign_options){.scheme = "standard", .secret_env = "TEST_PUBLIC"}, "public");
    (void)setenv("TEST_PRIVATE", "whsk_AAAA", 1);
    assert_refused((struct sign_options){.scheme = "standard", .secret_env = "TEST_PRIVATE"},
                   "32 or 64 bytes");
    assert_refused((struct sign_options){.scheme = "hmac", .secret_env = "TEST_SECRET"}, "needs --header");
    assert_refused((struct sign_options){.scheme = "github", .secret_env = "TEST_SECRET", .user = "x"},
                   "--user");
    assert_refused(
        (struct sign_options){
            .scheme = "hmac", .secret_env = "TEST_SECRET", .header = "x", .algorithm = "md5"},
        "md5");
    assert_refused(
        (struct sign_options){
            .scheme = "hmac", .secret_env = "TEST_SECRET", .header = "x", .encoding = "oct"},
        "oct");
}

/* The published vector: its public key verifies the signature. */
static void a_private_key_makes_the_published_signature(void **state)
{
    const struct sign_options options = {.scheme = "standard", .secret_env = "TEST_PRIVATE"};
    const struct sign_event event = {SPAN_LITERAL("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                                     SPAN_LITERAL("{\"test\": 2432232314}"), "POST", "https://example.com",
                                     NOW};
    struct buf path = {0};
    cJSON *headers = cJSON_CreateObject();
    struct error error;
    struct sign *sign;

    (void)state;
    (void)setenv(
        "TEST_PRIVATE",
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==", 1);
    assert_int_equal(sign_open(&sign, &options, &error), ERROR_NONE);
    buf_append_text(&path, "/");
    assert_int_equal(sign_headers(sign, &event, &path, headers, &error), ERROR_NONE);
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(headers, "webhook-signature")),
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==");
    cJSON_Delete(headers);
    buf_free(&path);
    sign_close(sign);
}

static enum error_code open_with(const char *scheme, const char *key, struct error *error)
{
    const struct sign_options options = {.scheme = scheme,
                                         .secret_file = key_file,
                                         .header = strcmp(scheme, "standard") == 0 ? NULL : "x-my-proof"};
    struct sign *sign;
    enum error_code code;

    write_key(key);
    code = sign_open(&sign, &options, error);
    sign_close(sign);
    return code;
}

static void a_key_that_cannot_sign_is_refused_with_the_reason(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(open_with("ed25519", ED25519_PUBLIC, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "public key, which can't sign"));
    assert_int_equal(open_with("ecdsa", P256_PUBLIC, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "private key of your own pair"));
    assert_int_equal(open_with("ecdsa", ED25519_PRIVATE, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "not a P-256 private key"));
    assert_int_equal(open_with("ed25519", P256_PRIVATE, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "not an ed25519 private key"));
    assert_int_equal(open_with("ed25519", "-----BEGIN PRIVATE KEY-----\nAAAA\n", &error), ERROR_SETTING);
    assert_int_equal(open_with("standard", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n", &error),
                     ERROR_SETTING);
    assert_int_equal(open_with("ed25519", "whsk_AAAA", &error), ERROR_SETTING);
    assert_int_equal(open_with("ed25519", "not a key", &error), ERROR_SETTING);
    assert_int_equal(open_with("standard", ED25519_PRIVATE, &error), ERROR_NONE);
}

static void a_routes_rule_signs_as_its_options_would(void **state)
{
    struct verify_rule rule = scheme_rule(scheme_of(VERIFY_HMAC));
    struct sign_options options = {.rule = &rule, .secret_env = "TEST_SECRET"};
    const struct sign_event event = {SPAN_LITERAL("an-id"), SPAN_LITERAL("x"), "POST", "https://example.com",
                                     NOW};
    struct buf path = {0};
    cJSON *headers = cJSON_CreateObject();
    struct error error;
    struct sign *sign;

    (void)state;
    (void)setenv("TEST_SECRET", "Jefe", 1);
    rule.header = strdup("x-own");
    rule.prefix = strdup("v1=");
    assert_int_equal(sign_open(&sign, &options, &error), ERROR_NONE);
    assert_null(rule.header);
    assert_true(sign_sets(sign, "X-Own"));
    assert_true(sign_sets(sign, "Webhook-Id"));
    assert_false(sign_sets(sign, "X-Other"));
    buf_append_text(&path, "/own");
    assert_int_equal(sign_headers(sign, &event, &path, headers, &error), ERROR_NONE);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(headers, "x-own")),
                        "v1=30c1a252726d9f629121f7efb69852b3d25b3accb5410de2dfdd3b069eb51745");
    cJSON_Delete(headers);
    buf_free(&path);
    sign_close(sign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(the_id_stands_where_the_scheme_looks_for_it),
        cmocka_unit_test(headers_of_the_same_name_are_replaced),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(a_private_key_makes_the_published_signature),
        cmocka_unit_test(a_key_that_cannot_sign_is_refused_with_the_reason),
        cmocka_unit_test(a_routes_rule_signs_as_its_options_would),
    };

    return cmocka_run_group_tests(tests, fill_options, remove_file);
}
