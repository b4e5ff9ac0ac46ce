/* SPDX-License-Identifier: MIT */
#include "gateway/verify/public_key.h"

#include "gateway/verify/schemes.h"
#include "tests/unit/gateway/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "-----BEGIN PUBLIC KEY-----\n"
#define TAIL "-----END PUBLIC KEY-----\n"
#define ED25519_DER "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="
#define P256_PEM                                                              \
    HEAD "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n" \
         "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n" TAIL
/* Made with Python's cryptography. */
#define X25519_DER "MCowBQYDK2VuAyEAQElQLbksojQsP5LaxdbefIXbXfVAeltJls458u+36Cc="
#define P384_DER                                                                                             \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE6GuZXjUOTTEqlaa31djNzbRoL1iIAKHNbJcuHcsqWsONkARpUbA8yzsXmon9qIsbSFufLB" \
    "9EsN1Bzm48OmkLv6q+weH/Su+yRh/dpmKb7L1Dz3TBPYwaFiVhIkPwBGFI"
/* RFC6979's, with another y. */
#define OFF_CURVE                                                                                           \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8" \
    "vGyDC1+n1F3o8KU1EYimg=="

/* The vector of the scheme with the key in this form. */
static enum verify_cause judge(enum verify_scheme scheme, const char *text)
{
    const char *name = scheme_of(scheme)->name;
    struct verify_rule rule = scheme_rule(scheme_of(scheme));
    const struct vector *v = vectors;
    enum verify_cause cause;
    struct request request;
    struct error error;
    bool verified;

    while (strcmp(v->scheme, name) != 0) {
        v++;
    }
    request = vector_request(v);
    rule.header = strdup(v->header);
    if (verify_rule_add_secret(&rule, span_of(text), &error) != ERROR_NONE) {
        fail_msg("%s: %s", text, error.text);
    }
    verified = verify_key(&rule, &request, span_of(v->body), 0, &cause) != NULL;
    assert_int_equal(verified, cause == VERIFY_FINE);
    verify_rule_free(&rule);
    return cause;
}

static void every_form_of_a_key_is_the_same_key(void **state)
{
    static const char *const ed25519[] = {
        RFC8032,
        "3D4017C3E843895A92B70AA74D1B7EBC9C982CCF2EC4968CC0CD55F12AF4660C",
        "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
        "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw",
        ED25519_DER,
        HEAD ED25519_DER "\n" TAIL,
        "-----BEGIN PUBLIC KEY-----\r\n" ED25519_DER "\r\n-----END PUBLIC KEY-----\r\n\n",
        "-----BEGIN PUBLIC KEY-----" ED25519_DER "-----END PUBLIC KEY-----",
    };
    static const char *const p256[] = {RFC6979, P256_PEM, HEAD RFC6979 TAIL};

    (void)state;
    for (size_t i = 0; i < sizeof ed25519 / sizeof ed25519[0]; i++) {
        assert_int_equal(judge(VERIFY_ED25519, ed25519[i]), VERIFY_FINE);
    }
    for (size_t i = 0; i < sizeof p256 / sizeof p256[0]; i++) {
        assert_int_equal(judge(VERIFY_ECDSA, p256[i]), VERIFY_FINE);
    }
}

static void assert_refused(enum public_key_kind kind, const char *text, const char *why)
{
    const char *wrong = NULL;

    assert_null(public_key_read(kind, span_of(text), &wrong));
    assert_non_null(wrong);
    if (strstr(wrong, why) == NULL) {
        fail_msg("%s: %s", text, wrong);
    }
}

static void what_is_no_key_is_refused_with_what_is_wrong(void **state)
{
    static const char *const none[] = {"",
                                       "x",
                                       "3d40",
                                       "!",
                                       "AA==",
                                       HEAD,
                                       HEAD TAIL,
                                       "-----BEGIN ",
                                       "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
                                       HEAD "AA==\n" TAIL "more",
                                       HEAD "AA==\n" TAIL HEAD "AA==\n" TAIL,
                                       "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_refused(PUBLIC_KEY_ED25519, none[i], "is not ");
        assert_refused(PUBLIC_KEY_P256, none[i], "is not ");
    }
    assert_refused(PUBLIC_KEY_ED25519, RFC8032 "0c", "32 bytes");
    assert_refused(PUBLIC_KEY_ED25519, "4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                   "32 bytes");
    assert_refused(PUBLIC_KEY_ED25519, ED25519_DER "AAAA", "32 bytes");
    assert_refused(PUBLIC_KEY_ED25519, RFC6979, "another kind");
    assert_refused(PUBLIC_KEY_ED25519, X25519_DER, "another kind");
    assert_refused(PUBLIC_KEY_ED25519, HEAD RFC6979 TAIL, "another kind");
    assert_refused(PUBLIC_KEY_P256, RFC8032, "SubjectPublicKeyInfo");
    assert_refused(PUBLIC_KEY_P256, ED25519_DER, "another kind or curve");
    assert_refused(PUBLIC_KEY_P256, P384_DER, "another kind or curve");
    assert_refused(PUBLIC_KEY_P256, OFF_CURVE, "SubjectPublicKeyInfo");
    assert_refused(PUBLIC_KEY_P256, "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n",
                   "is a private key");
    assert_refused(PUBLIC_KEY_ED25519, "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
                   "is a private key");
}

/* The points are from libsodium's list, checked by computing them; the sign of x changes nothing. */
static void a_point_that_no_honest_signer_has_is_refused(void **state)
{
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"
#define ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    static const char *const small[] = {
        ZEROS "00",
        ZEROS "80",
        "01" ZEROS,
        "ec" ONES "7f",
        "ec" ONES "ff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    };
    struct secret_key *key;
    const char *wrong = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        assert_refused(PUBLIC_KEY_ED25519, small[i], "anyone can sign");
    }
    assert_refused(PUBLIC_KEY_ED25519, "02" ZEROS, "no signature could match");
    assert_refused(PUBLIC_KEY_ED25519, "07" ZEROS, "no signature could match");
    assert_refused(PUBLIC_KEY_ED25519, "ed" ONES "7f", "no signature could match"); /* y = p */
    assert_refused(PUBLIC_KEY_ED25519, "f0" ONES "7f", "no signature could match"); /* y > p */
    key = public_key_read(PUBLIC_KEY_ED25519, SPAN_LITERAL("03" ZEROS), &wrong);
    assert_non_null(key);
    assert_true(secret_key_is_public(key));
    secret_key_free(key);
}

static void keys_of_standard_webhooks_are_checked_alike(void **state)
{
    struct verify_rule rule = scheme_rule(scheme_of(VERIFY_STANDARD));
    struct error error;

    (void)state;
    assert_int_equal(verify_rule_add_secret(
                         &rule, SPAN_LITERAL("whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), &error),
                     ERROR_SETTING);
    assert_non_null(strstr(error.text, "anyone can sign"));
}

/* --- with declared content ------------------------------------------------------------ */

static void declare_time_and_body(struct verify_rule *rule, const char *header, const char *time)
{
    rule->header = strdup(header);
    rule->tolerance_s = SCHEME_TOLERANCE_S;
    rule->declaration.time_header = strdup(time);
    rule->declaration.parts[0].kind = DECLARATION_TIME;
    rule->declaration.parts[1].kind = DECLARATION_BODY;
    rule->declaration.part_count = 2;
}

static enum verify_cause judge_sendgrid(const char *key, const char *time, const char *signature,
                                        const char *body)
{
    struct verify_rule rule = scheme_rule(scheme_of(VERIFY_ECDSA));
    struct request r = make_request("POST", "/",
                                    HEADERS("X-Twilio-Email-Event-Webhook-Signature", signature,
                                            "X-Twilio-Email-Event-Webhook-Timestamp", time));
    enum verify_cause cause;
    struct error error;
    bool verified;

    declare_time_and_body(&rule, "x-twilio-email-event-webhook-signature",
                          "x-twilio-email-event-webhook-timestamp");
    assert_int_equal(verify_rule_add_secret(&rule, span_of(key), &error), ERROR_NONE);
    verified = verify_key(&rule, &r, span_of(body), strtoll(time, NULL, 10), &cause) != NULL;
    assert_int_equal(verified, cause == VERIFY_FINE);
    verify_rule_free(&rule);
    return cause;
}

/* The vectors of sendgrid-python and sendgrid-go. */
static void the_published_vectors_of_sendgrid_verify(void **state)
{
#define PYTHON                                                                                    \
    "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\","       \
    "\"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_message_id\":"  \
    "\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\"smtp-id\":" \
    "\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]"
#define PYTHON_SIGNATURE \
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
#define GO                                                                                                  \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFY" \
    "PAZFceEu/1FwCM/QmGUhA=="
#define GO_SIGNATURE \
    "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0="
    static const char go[] =
        "{\"category\":\"example_payload\",\"event\":\"test_event\",\"message_id\":\"message_id\"}";

    (void)state;
    assert_int_equal(judge_sendgrid(SENDGRID, "1600112502", PYTHON_SIGNATURE, PYTHON "\r\n"), VERIFY_FINE);
    assert_int_equal(judge_sendgrid(SENDGRID, "1600112502", PYTHON_SIGNATURE, PYTHON), VERIFY_MISMATCH);
    assert_int_equal(judge_sendgrid(SENDGRID, "1600112503", PYTHON_SIGNATURE, PYTHON "\r\n"),
                     VERIFY_MISMATCH);
    assert_int_equal(judge_sendgrid(GO, "1600112502", PYTHON_SIGNATURE, PYTHON "\r\n"), VERIFY_MISMATCH);
    assert_int_equal(judge_sendgrid(GO, "1588788367", GO_SIGNATURE, go), VERIFY_FINE);
    assert_int_equal(judge_sendgrid(GO, "1588788367", GO_SIGNATURE "AAAA", go), VERIFY_MALFORMED);
    assert_int_equal(judge_sendgrid(GO, "1588788367", "MEUC", go), VERIFY_MALFORMED);
    assert_int_equal(judge_sendgrid(GO, "1588788367", "MAYCAQACAQA=", go), VERIFY_MISMATCH); /* r = s = 0 */
    assert_int_equal(judge_sendgrid(GO, "1588788367", "MAYCAQECAQE=", go), VERIFY_MISMATCH); /* r = s = 1 */
}

static enum verify_cause judge_discord(const char *list, size_t keys)
{
    struct verify_rule rule = scheme_rule(scheme_of(VERIFY_ED25519));
    struct request r = make_request(
        "POST", "/", HEADERS("X-Signature-Ed25519", list, "X-Signature-Timestamp", "1614265330"));
    enum verify_cause cause;
    struct error error;
    bool verified;

    declare_time_and_body(&rule, "x-signature-ed25519", "x-signature-timestamp");
    rule.declaration.field = strdup("s");
    if (keys > 1) {
        assert_int_equal(verify_rule_add_secret(&rule, SPAN_LITERAL(RFC8032), &error), ERROR_NONE);
    }
    assert_int_equal(verify_rule_add_secret(&rule, SPAN_LITERAL(DISCORD), &error), ERROR_NONE);
    verified = verify_key(&rule, &r, SPAN_LITERAL("{\"type\":1}"), 1614265330, &cause) != NULL;
    assert_int_equal(verified, cause == VERIFY_FINE);
    verify_rule_free(&rule);
    return cause;
}

/* Signed with Python's cryptography. */
static void of_several_signatures_and_keys_one_pair_must_fit_and_only_four_are_tried(void **state)
{
#define PING_SIGNATURE                                                                                       \
    "168321dfe63f50af65490fb95f8021d1fdf45b6f51656603d3552c2aab40190026c16f1ef25959d10209c5361a95ceae1644e1" \
    "1378200f563f8a776a68616008"
#define SHORT "s=00,s=00,s=00,"

    (void)state;
    assert_int_equal(judge_discord("s=" PING_SIGNATURE, 1), VERIFY_FINE);
    assert_int_equal(judge_discord("s=" PING_SIGNATURE, 2), VERIFY_FINE);
    assert_int_equal(judge_discord(SHORT "s=" PING_SIGNATURE, 2), VERIFY_FINE);
    assert_int_equal(judge_discord("s=00," SHORT "s=" PING_SIGNATURE, 2), VERIFY_MALFORMED);
    assert_int_equal(judge_discord("s=" PING_SIGNATURE "00", 1), VERIFY_MALFORMED);
    assert_int_equal(judge_discord("S=" PING_SIGNATURE, 1), VERIFY_MALFORMED);
    assert_int_equal(judge_discord("x=1", 1), VERIFY_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_key_is_the_same_key),
        cmocka_unit_test(what_is_no_key_is_refused_with_what_is_wrong),
        cmocka_unit_test(a_point_that_no_honest_signer_has_is_refused),
        cmocka_unit_test(keys_of_standard_webhooks_are_checked_alike),
        cmocka_unit_test(the_published_vectors_of_sendgrid_verify),
        cmocka_unit_test(of_several_signatures_and_keys_one_pair_must_fit_and_only_four_are_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
