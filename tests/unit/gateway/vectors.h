/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_VECTORS_H
#define SLUICE_TEST_VECTORS_H

/* Correctly signed requests. `published`: by the provider, its library or an RFC; the others were computed
 * with Python's hmac, or checked with its cryptography. */

#include "make_request.h"

struct vector {
    const char *scheme, *name;
    bool published, is_token; /* is_token: the body is not signed */
    const char *secret, *other_secret;
    const char *header, *algorithm, *encoding, *prefix, *user; /* of the rule */
    const char *proof;            /* the header with the signature or the token */
    const char *time, *timestamp; /* the header with the timestamp, and its value */
    int64_t now;
    const char *headers[9]; /* alternating names and values */
    const char *body;
    const char *path, *query, *host; /* https; twilio */
};

#define STANDARD(title, key, other, list)                                                                \
    {                                                                                                    \
        .scheme = "standard", .name = title, .published = true, .secret = key, .other_secret = other,    \
        .proof = "webhook-signature", .time = "webhook-timestamp", .timestamp = "1614265330",            \
        .now = 1614265330, .body = "{\"test\": 2432232314}", .headers = {"webhook-id",                   \
                                                                         "msg_p5jXN8AQM9LWM0D4loKWxJek", \
                                                                         "Webhook-Timestamp",            \
                                                                         "1614265330",                   \
                                                                         "webhook-signature",            \
                                                                         list,                           \
                                                                         NULL},                          \
    }
#define SLACK_BODY                                                                                        \
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"      \
    "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"        \
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZR" \
    "skXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
#define TWILIO(title, is_published, url_host, url_path, url_query, type, text, signature)                    \
    {                                                                                                        \
        .scheme = "twilio", .name = title, .published = is_published, .secret = "12345",                     \
        .proof = "x-twilio-signature", .body = text, .path = url_path, .query = url_query, .host = url_host, \
        .headers = {"X-Twilio-Signature", signature, "Content-Type", type, NULL},                            \
    }
/* A MAC of the body alone, in the header `at`; `found_at` is its name in lower case. */
#define BODY_MAC(of, title, is_published, key, found_at, at, text, signature)                     \
    {                                                                                             \
        .scheme = of, .name = title, .published = is_published, .secret = key, .proof = found_at, \
        .body = text, .headers = {at, signature, NULL},                                           \
    }
#define STRIPE(title, signatures)                                                                      \
    {                                                                                                  \
        .scheme = "stripe", .name = title, .secret = "whsec_test_secret", .proof = "stripe-signature", \
        .time = "stripe-signature", .timestamp = "1614265330", .now = 1614265330,                      \
        .body = "{\"id\":\"evt_1\",\"object\":\"event\"}",                                             \
        .headers = {"Stripe-Signature", "t=1614265330," signatures, NULL},                             \
    }
#define FORM "application/x-www-form-urlencoded"
#define HMAC(title, hash, code, mark, signature)                                                    \
    {                                                                                               \
        .scheme = "hmac", .name = title, .published = true, .secret = "Jefe", .header = "x-my-mac", \
        .algorithm = hash, .encoding = code, .prefix = mark, .proof = "x-my-mac",                   \
        .body = "what do ya want for nothing?", .headers = {"X-My-Mac", signature, NULL},           \
    }
#define TOKEN(title, is_published, key, account, at, sent, value)                                   \
    {                                                                                               \
        .scheme = title, .name = title, .published = is_published, .is_token = true, .secret = key, \
        .user = account, .header = at, .proof = sent, .body = "{\"any\": 1}",                       \
        .headers = {sent, value, NULL},                                                             \
    }

/* A signature by a private key, of the body alone. */
#define PUBLIC(of, title, key, other, text, signature)                                                     \
    {                                                                                                      \
        .scheme = of, .name = title, .published = true, .secret = key, .other_secret = other,              \
        .header = "x-my-mac", .proof = "x-my-mac", .body = text, .headers = {"X-My-Mac", signature, NULL}, \
    }
#define RFC8032 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define RFC6979                                                                                             \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8" \
    "vGyDC1+n1F3o8KU1EYimQ=="
#define SENDGRID                                                                                            \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINX" \
    "vVpiglSI8eNEc6wEA3F+g=="
#define DISCORD "d670ebc8f3beb0069a916996e197a3980e22cd272fe7e9155b1d6a9aa6b23e0e" /* of a key of our own */

static const struct vector vectors[] = {
    STANDARD("v1", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
             "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    STANDARD(
        "v1 after decoys", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    {.scheme = "standard",
     .name = "v1 with the names of Svix",
     .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     .other_secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
     .proof = "svix-signature",
     .time = "svix-timestamp",
     .timestamp = "1614265330",
     .now = 1614265330,
     .body = "{\"test\": 2432232314}",
     .headers = {"Svix-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "svix-timestamp", "1614265330", "svix-signature",
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", NULL}},
    STANDARD("v1a", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
             "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
             "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="),
    BODY_MAC("github", "documentation", true, "It's a Secret to Everybody", "x-hub-signature-256",
             "X-Hub-Signature-256", "Hello, World!",
             "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
    STRIPE("computed", "v1=42b3d2b2181207b6b299df380bf37599bb895dc182467ba12e046b1916c4cd19"),
    STRIPE("while secrets change", "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39,"
                                   "v1=0000000000000000000000000000000000000000000000000000000000000000,"
                                   "v1=42b3d2b2181207b6b299df380bf37599bb895dc182467ba12e046b1916c4cd19"),
    {
        .scheme = "slack",
        .name = "documentation",
        .published = true,
        .secret = "8f742231b10e8888abcd99yyyzzz85a5",
        .proof = "x-slack-signature",
        .time = "x-slack-request-timestamp",
        .timestamp = "1531420618",
        .now = 1531420618,
        .body = SLACK_BODY,
        .headers = {"X-Slack-Signature",
                    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
                    "X-Slack-Request-Timestamp", "1531420618", NULL},
    },
    BODY_MAC("shopify", "computed", false, "shpss_test_secret", "x-shopify-hmac-sha256",
             "X-Shopify-Hmac-SHA256", "{\"id\":1,\"topic\":\"orders/create\"}",
             "k72tceQzwLrcNoh8q2ZaNlbbj/oVrcHNV4qHTP1iWNs="),
    TWILIO(
        "form", true, "mycompany.com", "/myapp.php", "foo=1&bar=2", FORM,
        "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    TWILIO("form with repeats", true, "mycompany.com", "/myapp.php", "foo=1&bar=2", FORM,
           "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    TWILIO("JSON", true, "mycompany.com", "/myapp.php",
           "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
           "application/json", "{\"property\": \"value\", \"boolean\": true}",
           "a9nBmqA0ju/hNViExpshrM61xv4="),
    TWILIO("port, empty and escaped values", false, "example.com:8443", "/sms", NULL, FORM,
           "To=%2b1&Body=gr%c3%bc%C3%9Fe+%26+100%&&Empty=", "Ll/R5x0Xh7ZnwJr+GiL7cXTlMzk="),
    TOKEN("gitlab", false, "gitlab-secret", NULL, NULL, "x-gitlab-token", "gitlab-secret"),
    BODY_MAC("meta", "computed", false, "meta_app_secret", "x-hub-signature-256", "X-Hub-Signature-256",
             "{\"object\":\"page\",\"entry\":[]}",
             "sha256=7737c8c2c205014576d41d33bf51e33b58a44d48700b5820ea9397d612e36dd1"),
    {
        .scheme = "zoom",
        .name = "computed",
        .secret = "zoom_secret_token",
        .proof = "x-zm-signature",
        .time = "x-zm-request-timestamp",
        .timestamp = "1614265330",
        .now = 1614265330,
        .body = "{\"event\":\"meeting.started\",\"event_ts\":1626230691572}",
        .headers = {"x-zm-signature", "v0=f8c0e584b1eaf11bac9be5f861208827a9a4cc7913629548a6ebb8f52eab92ed",
                    "x-zm-request-timestamp", "1614265330", NULL},
    },
    HMAC("RFC 4231, case 2", NULL, NULL, NULL,
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    HMAC("RFC 4231, case 2, base64 and prefix", "sha256", "base64",
         "mac=", "mac=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="),
    HMAC("RFC 2202, case 2", "sha1", "hex", "sha1=", "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    HMAC("RFC 4231, case 2, SHA-512", "sha512", "base64", "",
         "Fkt6e/z4GeLjlfvnO1bgo4e9ZCIugx/WECcM1+olBVSXWL91wFqZSm0DT2X48Ob9yuqxo01Ka0tjbgcKOLznNw=="),
    PUBLIC("ed25519", "RFC 8032, 7.1, test 2", RFC8032, DISCORD, "r",
           "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
           "87b2"
           "eaeb4302aeeb00d291612bb0c00"),
    PUBLIC(
        "ecdsa", "RFC 6979, A.2.5, sample, SHA-256", RFC6979, SENDGRID, "sample",
        "MEYCIQDv1IsqrLao/RFA3ZzUXoHWnSyHe1aq+ZHDTQ6oTq83FgIhAPfLHJQtZXxB1DbHobbin2Xz6QDbua/0Bk3Eqy+EOs2o"),
    TOKEN("bearer", false, "bearer-secret", NULL, NULL, "authorization", "Bearer bearer-secret"),
    /* RFC 7617, 2 */
    TOKEN("basic", true, "open sesame", "Aladdin", NULL, "authorization",
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    TOKEN("header", false, "header-secret", NULL, "x-my-token", "x-my-token", "header-secret"),
    {.scheme = NULL},
};

static inline struct request vector_request(const struct vector *v)
{
    struct request r = make_request("POST", v->path == NULL ? "/" : v->path, v->headers);

    r.query = span_of(v->query);
    r.host = span_of(v->host == NULL ? "example.com" : v->host);
    r.https = true;
    return r;
}

#endif
