/* SPDX-License-Identifier: MIT */
#include "gateway/verify/declared_content.h"

#include "gateway/sources/routes_file.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Signatures within the body. */

#define NOW 1614265330
#define TOKEN "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
/* Computed with Python's hmac, as Mailgun documents it. */
#define MAILGUN_KEY "mailgun signing key"
#define MAILGUN_SIGNATURE "952b452c02ba25b46a10e6fdc887b4c65e79767f5393fe1d19e338df6810c23c"
#define MAILGUN                                                                                            \
    "\"pointer\": \"/signature/signature\", \"signed\": [\"time\", {\"pointer\": \"/signature/token\"}], " \
    "\"time\": {\"pointer\": \"/signature/timestamp\"}"
#define MAILGUN_BODY(time, token, signature)                                              \
    "{\"signature\":{\"timestamp\":" time ",\"token\":" token ",\"signature\":" signature \
    "},\"event-data\":{\"id\":\"e1\"}}"
#define QUOTED(text) "\"" text "\""
/* Adyen's key and first signature are those of the tests of its library for Node; the second was computed. */
#define ADYEN_KEY "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00"
#define AT "/notificationItems/0/NotificationRequestItem/"
#define PART(name) "{\"pointer\": \"" AT name "\"}"
#define COLON ", {\"text\": \":\"}, "
#define ADYEN                                                                                            \
    "\"encoding\": \"base64\", \"secret_encoding\": \"hex\", \"pointer\": \"" AT                         \
    "additionalData/hmacSignature\", \"signed\": [" PART("pspReference") COLON PART("originalReference") \
        COLON PART("merchantAccountCode") COLON PART("merchantReference") COLON PART("amount/value")     \
            COLON PART("amount/currency") COLON PART("eventCode") COLON PART("success") "]"
#define ITEM(body) "{\"NotificationRequestItem\":" body "}"
#define ADYEN_ITEM(original, reference, signature)                                                           \
    ITEM("{\"pspReference\":\"pspReference\"," original "\"merchantAccountCode\":\"merchantAccount\","       \
         "\"merchantReference\":\"" reference "\",\"amount\":{\"currency\":\"EUR\",\"value\":1000},"         \
         "\"eventCode\":\"CAPTURE\",\"success\":\"true\",\"additionalData\":{\"hmacSignature\":\"" signature \
         "\"}}")
#define ADYEN_BODY(items) "{\"live\":\"false\",\"notificationItems\":[" items "]}"
#define ADYEN_SIGNATURE "xhpHvYq2u2Np0rstbZ6QjLGu7JWhvf7Iwaa6EviJSX0="

static char routes_file[] = "/tmp/sluice-declared-XXXXXX";
static struct routes *routes;

static int make_file(void **state)
{
    int file = mkstemp(routes_file);

    (void)state;
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    source_release(routes);
    return unlink(routes_file);
}

static const struct verify_rule *read_rule(const char *secret, const char *members)
{
    const struct routes_options options = {
        .file = routes_file, .label = "routes", .secrets = true, .max_body = 1 << 20};
    struct buf complaints = {0};
    FILE *file = fopen(routes_file, "wb");

    assert_non_null(file);
    assert_int_equal(setenv("TEST_SECRET", secret, 1), 0);
    (void)fprintf(
        file,
        "{\"sources\": [{\"name\": \"one\", \"path\": \"/*\", \"id\": {\"body\": true}, \"verify\": "
        "{\"scheme\": \"hmac\", \"secrets\": [{\"env\": \"TEST_SECRET\"}], %s}}]}",
        members);
    assert_int_equal(fclose(file), 0);
    source_release(routes);
    routes = routes_read(&options, &complaints);
    if (routes == NULL) {
        fail_msg("%s", buf_text(&complaints));
        abort();
    }
    buf_free(&complaints);
    /* What the signature doesn't cover may be forged: no second event may replace the first. */
    assert_int_equal(routes->sources[0].id[0].keep, ENVELOPE_KEEP_FIRST);
    return &routes->sources[0].verify;
}

static enum verify_cause judge(const struct verify_rule *rule, const char *body, int64_t now)
{
    struct request r = make_request("POST", "/", HEADERS("Content-Type", "application/json"));
    enum verify_cause cause;
    bool verified = verify_key(rule, &r, span_of(body), now, &cause) != NULL;

    assert_int_equal(verified, cause == VERIFY_FINE);
    return cause;
}

static enum verify_cause mailgun(const char *body)
{
    return judge(read_rule(MAILGUN_KEY, MAILGUN), body, NOW);
}

#define RIGHT MAILGUN_BODY(QUOTED("1614265330"), QUOTED(TOKEN), QUOTED(MAILGUN_SIGNATURE))

static void mailguns_signature_covers_time_and_token_and_expires(void **state)
{
    const struct verify_rule *rule = read_rule(MAILGUN_KEY, MAILGUN);

    (void)state;
    assert_int_equal(judge(rule, RIGHT, NOW), VERIFY_FINE);
    assert_int_equal(judge(rule, RIGHT, NOW + 300), VERIFY_FINE);
    assert_int_equal(judge(rule, RIGHT, NOW + 301), VERIFY_OLD);
    assert_int_equal(judge(rule, RIGHT, NOW - 301), VERIFY_EARLY);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330", QUOTED(TOKEN), QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_FINE);
    assert_int_equal(mailgun(MAILGUN_BODY(QUOTED("1614265330"),
                                          QUOTED("\\u0061"
                                                 "8ce0edb2dd8301dee6c2405235584e45"
                                                 "aa91d1e9f979f3de0"),
                                          QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_FINE);
    assert_int_equal(mailgun(MAILGUN_BODY(QUOTED("1614265331"), QUOTED(TOKEN), QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_MISMATCH);
    assert_int_equal(
        mailgun(MAILGUN_BODY(QUOTED("1614265330"), QUOTED("b" TOKEN), QUOTED(MAILGUN_SIGNATURE))),
        VERIFY_MISMATCH);
    assert_int_equal(judge(read_rule("another key", MAILGUN), RIGHT, NOW), VERIFY_MISMATCH);
}

static void a_value_that_is_missing_or_of_another_kind_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mailgun(""), VERIFY_MALFORMED);
    assert_int_equal(mailgun("{}"), VERIFY_MISSING);
    assert_int_equal(mailgun(MAILGUN_BODY(QUOTED("1614265330"), QUOTED(TOKEN), QUOTED(""))), VERIFY_MISSING);
    assert_int_equal(mailgun(MAILGUN_BODY(QUOTED(""), QUOTED(TOKEN), QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_MISSING);
    assert_int_equal(mailgun(MAILGUN_BODY("null", QUOTED(TOKEN), QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_MALFORMED);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330.5", QUOTED(TOKEN), QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_TIME);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330", "true", QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_MALFORMED);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330", "[]", QUOTED(MAILGUN_SIGNATURE))), VERIFY_MALFORMED);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330", QUOTED("\\ud83d"), QUOTED(MAILGUN_SIGNATURE))),
                     VERIFY_MALFORMED);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330", QUOTED(TOKEN), "{}")), VERIFY_MALFORMED);
    assert_int_equal(mailgun(MAILGUN_BODY("1614265330", QUOTED(TOKEN), QUOTED("952b"))), VERIFY_MALFORMED);
    assert_int_equal(mailgun(RIGHT "x"), VERIFY_MALFORMED); /* no JSON */
    assert_int_equal(mailgun("\x1f\x8b" RIGHT),
                     VERIFY_MALFORMED); /* gzip is not inflated before it is verified */
    assert_int_equal(mailgun("{\"signature\":{\"timestamp\":1614265330,\"token\":\"" TOKEN
                             "\",\"token\":\"" TOKEN "\",\"signature\":\"" MAILGUN_SIGNATURE "\"}}"),
                     VERIFY_MALFORMED); /* parsers differ in which of two they take */
}

static void a_value_has_at_most_1024_bytes(void **state)
{
    const struct verify_rule *rule = read_rule(
        MAILGUN_KEY,
        "\"header\": \"X-Sig\", \"signed\": [{\"pointer\": \"/a\"}, {\"pointer\": \"/b\"}, {\"pointer\": "
        "\"/a\"}]");
    struct request r = make_request("POST", "/", HEADERS("X-Sig", MAILGUN_SIGNATURE));
    struct buf body = {0};
    enum verify_cause cause;

    (void)state;
    for (int escaped = 0; escaped < 2; escaped++) {
        for (int bytes = 1024; bytes <= 1026; bytes += 2) {
            buf_clear(&body);
            buf_append_text(&body, "{\"b\":\"\\n\",\"a\":\"");
            for (int i = 0; i < bytes; i += 2) {
                buf_append_text(&body, escaped == 1 ? "\\n" : "xx");
            }
            buf_append_text(&body, "\"}");
            assert_null(verify_key(rule, &r, buf_span(&body), NOW, &cause));
            assert_int_equal(cause, bytes == 1024 ? VERIFY_MISMATCH : VERIFY_MALFORMED);
        }
    }
    buf_free(&body);
}

static enum verify_cause adyen(const char *body)
{
    return judge(read_rule(ADYEN_KEY, ADYEN), body, NOW);
}

#define ORIGINAL "\"originalReference\":\"originalReference\","

static void adyens_signature_covers_eight_values_of_the_item(void **state)
{
    (void)state;
    assert_int_equal(adyen(ADYEN_BODY(ADYEN_ITEM(ORIGINAL, "reference", ADYEN_SIGNATURE))), VERIFY_FINE);
    assert_int_equal(adyen(ADYEN_BODY(ADYEN_ITEM(ORIGINAL, "reference2", ADYEN_SIGNATURE))), VERIFY_MISMATCH);
    assert_int_equal(adyen(ADYEN_BODY(ADYEN_ITEM("", "reference", ADYEN_SIGNATURE))), VERIFY_MISMATCH);
    assert_int_equal(adyen(ADYEN_BODY("")), VERIFY_MISSING);
    assert_int_equal(judge(read_rule("00" ADYEN_KEY, ADYEN),
                           ADYEN_BODY(ADYEN_ITEM(ORIGINAL, "reference", ADYEN_SIGNATURE)), NOW),
                     VERIFY_MISMATCH);
}

/* An absent value is signed as empty text. */
static void an_absent_value_and_escapes_are_signed_as_text(void **state)
{
    static const char body[] = ADYEN_BODY(
        ITEM("{\"pspReference\":\"7914073381342284\",\"merchantAccountCode\":\"TestMerchant\","
             "\"merchantReference\":\"Gr\\u00fc\xc3\x9f"
             "e \\\"1\\\"\",\"amount\":{\"currency\":\"EUR\",\"value\":1130},"
             "\"eventCode\":\"AUTHORISATION\",\"success\":\"true\",\"additionalData\":{\"hmacSignature\":"
             "\"pglzpDKeyW7\\/7ucSyRILVmqv96664xR9pyE+hUAC\\/uw=\"}}"));

    (void)state;
    assert_int_equal(adyen(body), VERIFY_FINE);
}

static void a_batch_is_refused_since_one_signature_covers_one_item(void **state)
{
#define SIGNED_ITEM ADYEN_ITEM(ORIGINAL, "reference", ADYEN_SIGNATURE)
    (void)state;
    assert_int_equal(adyen(ADYEN_BODY(SIGNED_ITEM "," SIGNED_ITEM)), VERIFY_MALFORMED);
    assert_int_equal(adyen(ADYEN_BODY(SIGNED_ITEM ",null")), VERIFY_MALFORMED);
    assert_int_equal(adyen(ADYEN_BODY("null," SIGNED_ITEM)), VERIFY_MISSING);
    assert_int_equal(adyen("{\"notificationItems\":[" SIGNED_ITEM "],\"notificationItems\":[]}"),
                     VERIFY_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailguns_signature_covers_time_and_token_and_expires),
        cmocka_unit_test(a_value_that_is_missing_or_of_another_kind_is_refused),
        cmocka_unit_test(a_value_has_at_most_1024_bytes),
        cmocka_unit_test(adyens_signature_covers_eight_values_of_the_item),
        cmocka_unit_test(an_absent_value_and_escapes_are_signed_as_text),
        cmocka_unit_test(a_batch_is_refused_since_one_signature_covers_one_item),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
