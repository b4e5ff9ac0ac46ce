/* SPDX-License-Identifier: MIT */
#include "gateway/verify/verify.h"

#include "gateway/verify/schemes.h"
#include "tests/unit/gateway/vectors.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct verify_rule make_rule(const struct vector *v, const char *secret)
{
    struct verify_rule rule = scheme_rule(scheme_named(span_of(v->scheme)));
    struct error error;

    rule.header = v->header == NULL ? NULL : strdup(v->header);
    rule.prefix = v->prefix == NULL ? NULL : strdup(v->prefix);
    rule.user = v->user == NULL ? NULL : strdup(v->user);
    assert_true(v->algorithm == NULL || secret_key_algorithm_of(span_of(v->algorithm), &rule.algorithm));
    assert_true(v->encoding == NULL || encoding_of(span_of(v->encoding), &rule.encoding));
    assert_int_equal(verify_rule_add_secret(&rule, span_of(secret), &error), ERROR_NONE);
    return rule;
}

static enum verify_cause judge(const struct vector *v, const char *secret, const struct request *request,
                               struct span body, int64_t now)
{
    struct verify_rule rule = make_rule(v, secret);
    enum verify_cause cause;
    bool verified = verify_key(&rule, request, body, now, &cause) != NULL;

    assert_int_equal(verified, cause == VERIFY_FINE);
    verify_rule_free(&rule);
    return cause;
}

static struct request_header *header_of(struct request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (request_is(r->headers[i].name, name)) {
            return &r->headers[i];
        }
    }
    fail_msg("no header %s", name);
    return NULL;
}

/* The vector's request, with another value for one header. */
static enum verify_cause judge_with(const struct vector *v, const char *name, struct span value)
{
    struct request r = vector_request(v);

    header_of(&r, name)->value = value;
    return judge(v, v->secret, &r, span_of(v->body), v->now);
}

static struct span proof_of(const struct vector *v)
{
    struct request r = vector_request(v);

    return header_of(&r, v->proof)->value;
}

static void every_vector_verifies(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct request r = vector_request(v);
        enum verify_cause cause = judge(v, v->secret, &r, span_of(v->body), v->now);

        if (cause != VERIFY_FINE) {
            fail_msg("%s: %s", v->name, verify_cause_label(cause));
        }
    }
}

static void each_scheme_has_vectors_and_their_number_is_printed(void **state)
{
    (void)state;
    for (int scheme = VERIFY_STANDARD; scheme < SCHEME_COUNT; scheme++) {
        const char *name = scheme_of((enum verify_scheme)scheme)->name;
        int all = 0, published = 0;

        for (const struct vector *v = vectors; v->scheme != NULL; v++) {
            all += strcmp(v->scheme, name) == 0;
            published += strcmp(v->scheme, name) == 0 && v->published;
        }
        printf("# vectors %s: %d, of them %d published\n", name, all, published);
        assert_true(all > 0);
    }
}

static void another_secret_is_refused(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct request r = vector_request(v);
        const char *other = v->other_secret == NULL ? "another secret" : v->other_secret;

        assert_int_equal(judge(v, other, &r, span_of(v->body), v->now), VERIFY_MISMATCH);
    }
}

static void a_changed_body_is_refused(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct request r = vector_request(v);
        struct buf body = {0};

        if (v->is_token) {
            continue;
        }
        buf_append_text(&body, v->body);
        buf_append_text(&body,
                        v->query != NULL || *v->body != '{' ? "&More=1" : " "); /* as if serialised again */
        assert_int_equal(judge(v, v->secret, &r, buf_span(&body), v->now), VERIFY_MISMATCH);
        if (*v->body == '{') {
            assert_int_equal(judge(v, v->secret, &r, SPAN_LITERAL("{}"), v->now), VERIFY_MISMATCH);
        }
        buf_free(&body);
    }
}

static void a_missing_or_empty_header_is_refused(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct request r = vector_request(v);

        header_of(&r, v->proof)->name = SPAN_LITERAL("x-other");
        assert_int_equal(judge(v, v->secret, &r, span_of(v->body), v->now), VERIFY_MISSING);
        assert_int_equal(judge_with(v, v->proof, SPAN_LITERAL("")), VERIFY_MISSING);
        if (v->time != NULL && strcmp(v->time, v->proof) != 0) {
            r = vector_request(v);
            header_of(&r, v->time)->name = SPAN_LITERAL("x-other");
            assert_int_equal(judge(v, v->secret, &r, span_of(v->body), v->now), VERIFY_MISSING);
        }
    }
}

static void a_duplicate_header_is_refused_even_if_both_are_right(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct request r = vector_request(v);

        r.headers[r.header_count++] = *header_of(&r, v->proof);
        assert_int_equal(judge(v, v->secret, &r, span_of(v->body), v->now), VERIFY_DUPLICATE);
        if (v->time != NULL && strcmp(v->time, v->proof) != 0) {
            r = vector_request(v);
            r.headers[r.header_count++] = *header_of(&r, v->time);
            assert_int_equal(judge(v, v->secret, &r, span_of(v->body), v->now), VERIFY_DUPLICATE);
        }
    }
}

static void append_capitals(struct buf *b, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        buf_append_char(
            b, (char)(text.data[i] >= 'a' && text.data[i] <= 'z' ? text.data[i] - 32 : text.data[i]));
    }
}

/* The first run of hex digits with the length of a MAC; empty when there is none. */
static struct span hex_in(struct span text)
{
    size_t len = 0;

    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text_hex_digit(text.data[i]) >= 0) {
            len++;
        } else if (len >= 40) {
            return (struct span){text.data + i - len, len};
        } else {
            len = 0;
        }
    }
    return (struct span){text.data, 0};
}

static void hex_in_capitals_is_the_same_signature(void **state)
{
    size_t with_hex = 0;

    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct span proof = proof_of(v), hex = hex_in(proof);
        size_t before = (size_t)(hex.data - proof.data);
        struct span rest = {hex.data + hex.len, proof.len - before - hex.len};
        struct buf text = {0};

        if (hex.len == 0 || v->is_token) {
            continue;
        }
        with_hex++;
        buf_append(&text, proof.data, before);
        append_capitals(&text, hex);
        buf_append_span(&text, rest);
        assert_int_equal(judge_with(v, v->proof, buf_span(&text)), VERIFY_FINE);
        text.data[before] = 'G';     /* not a hex digit */
        if (hex_in(rest).len == 0) { /* otherwise the next signature is valid */
            assert_int_equal(judge_with(v, v->proof, buf_span(&text)), VERIFY_MALFORMED);
        }
        buf_free(&text);
    }
    assert_true(with_hex >= 5);
}

static void a_signature_in_another_form_is_refused(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct span proof = proof_of(v);
        struct buf text = {0};

        assert_int_not_equal(judge_with(v, v->proof, (struct span){proof.data, proof.len - 3}), VERIFY_FINE);
        buf_append_span(&text, proof);
        text.data[text.len - 3] = '\xe9'; /* not ASCII */
        assert_int_not_equal(judge_with(v, v->proof, buf_span(&text)), VERIFY_FINE);
        buf_clear(&text);
        append_capitals(&text, proof);
        if (hex_in(proof).len < proof.len) { /* plain hex in capitals is the same signature */
            assert_int_not_equal(judge_with(v, v->proof, buf_span(&text)), VERIFY_FINE);
        }
        buf_clear(&text);
        buf_append_span(&text, proof);
        for (int i = 0; i < 10000; i++) {
            buf_append_char(&text, 'a');
        }
        assert_int_not_equal(judge_with(v, v->proof, buf_span(&text)), VERIFY_FINE);
        buf_clear(&text);
        buf_append_char(&text, 'x');
        buf_append_span(&text, proof);
        if (memchr(proof.data, ' ', proof.len) == NULL) { /* in a list, only one entry would be wrong */
            assert_int_not_equal(judge_with(v, v->proof, buf_span(&text)), VERIFY_FINE);
        }
        assert_int_not_equal(judge_with(v, v->proof, SPAN_LITERAL("=")), VERIFY_FINE);
        assert_int_not_equal(judge_with(v, v->proof, SPAN_LITERAL("v1,")), VERIFY_FINE);
        buf_free(&text);
    }
}

/* The vector's time header with another timestamp. */
static enum verify_cause judge_time(const struct vector *v, const char *timestamp)
{
    struct request r = vector_request(v);
    struct request_header *header = header_of(&r, v->time);
    const char *at = strstr(header->value.data, v->timestamp);
    struct buf text = {0};
    enum verify_cause cause;

    buf_append(&text, header->value.data, (size_t)(at - header->value.data));
    buf_append_text(&text, timestamp);
    buf_append_text(&text, at + strlen(v->timestamp));
    header->value = buf_span(&text);
    cause = judge(v, v->secret, &r, span_of(v->body), v->now);
    buf_free(&text);
    return cause;
}

static void an_invalid_timestamp_is_refused(void **state)
{
    static const char *const none[] = {
        "-1614265330",         "+1614265330", "1614265330.0",          "161426533O",
        "0x60380000",          "1e9",         "1614265330 ",           "\xd9\xa1",
        "9999999999999999999", "now",         "1614265330999999999999"};

    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        if (v->time == NULL) {
            continue;
        }
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
            assert_int_equal(judge_time(v, none[i]), VERIFY_TIME);
        }
        assert_int_equal(judge_time(v, ""), strcmp(v->time, v->proof) == 0 ? VERIFY_TIME : VERIFY_MISSING);
        assert_int_equal(judge_time(v, "0"), VERIFY_OLD);
        assert_int_equal(judge_time(v, "999999999999999"), VERIFY_EARLY);
        assert_int_equal(judge_time(v, "1531420619") == VERIFY_FINE, false);
    }
}

static void the_tolerance_is_exact_in_both_directions(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct request r = vector_request(v);
        struct span body = span_of(v->body);

        if (v->time == NULL) {
            /* A scheme without a timestamp does not expire. */
            assert_int_equal(judge(v, v->secret, &r, body, INT64_C(1) << 40), VERIFY_FINE);
            continue;
        }
        assert_int_equal(judge(v, v->secret, &r, body, v->now + 300), VERIFY_FINE);
        assert_int_equal(judge(v, v->secret, &r, body, v->now + 301), VERIFY_OLD);
        assert_int_equal(judge(v, v->secret, &r, body, v->now - 300), VERIFY_FINE);
        assert_int_equal(judge(v, v->secret, &r, body, v->now - 301), VERIFY_EARLY);
    }
}

static void all_secrets_are_tried_and_the_matching_one_is_returned(void **state)
{
    struct error error;

    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        const char *other = v->other_secret == NULL ? "another secret" : v->other_secret;
        struct verify_rule rule = make_rule(v, other);
        struct request r = vector_request(v);
        enum verify_cause cause;

        assert_null(verify_key(&rule, &r, span_of(v->body), v->now, &cause));
        assert_int_equal(verify_rule_add_secret(&rule, span_of(v->secret), &error), ERROR_NONE);
        assert_ptr_equal(verify_key(&rule, &r, span_of(v->body), v->now, &cause), rule.keys[1]);
        assert_int_equal(cause, VERIFY_FINE);
        verify_rule_free(&rule);
    }
}

static void a_rule_without_secrets_refuses_everything(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct verify_rule rule = make_rule(v, v->secret);
        struct request r = vector_request(v);
        enum verify_cause cause;

        secret_key_free(rule.keys[0]);
        rule.key_count = 0;
        assert_null(verify_key(&rule, &r, span_of(v->body), v->now, &cause));
        verify_rule_free(&rule);
    }
}

static void headers_that_verification_reads_are_not_kept(void **state)
{
    (void)state;
    for (const struct vector *v = vectors; v->scheme != NULL; v++) {
        struct verify_rule rule = make_rule(v, v->secret);

        assert_true(verify_reads(&rule, span_of(v->proof)));
        assert_true(v->time == NULL || verify_reads(&rule, span_of(v->time)));
        assert_false(verify_reads(&rule, SPAN_LITERAL("content-type")));
        assert_false(verify_reads(&rule, SPAN_LITERAL("host")));
        verify_rule_free(&rule);
    }
}

static void unusable_secrets_are_refused(void **state)
{
    static const char *const unusable[] = {
        "whsec_", "whsec_!!!", "whsec_abd=",
        "whpk_",  "whpk_QUJD", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
    const struct vector standard = {.scheme = "standard"}, github = {.scheme = "github"};
    struct verify_rule rule = scheme_rule(scheme_named(span_of(standard.scheme)));
    struct verify_rule none = {.scheme = VERIFY_NONE};
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof unusable / sizeof unusable[0]; i++) {
        assert_int_equal(verify_rule_add_secret(&rule, span_of(unusable[i]), &error), ERROR_SETTING);
        assert_null(strstr(error.text, "MfKQ9r8"));
    }
    assert_int_equal(verify_rule_add_secret(&rule, SPAN_LITERAL(""), &error), ERROR_SETTING);
    assert_int_equal(rule.key_count, 0);
    verify_rule_free(&rule);
    assert_int_equal(verify_rule_add_secret(&none, SPAN_LITERAL("secret"), &error), ERROR_SETTING);
    rule = make_rule(&github, "one");
    for (int i = 1; i < VERIFY_SECRETS_MAX; i++) {
        assert_int_equal(verify_rule_add_secret(&rule, SPAN_LITERAL("more"), &error), ERROR_NONE);
    }
    assert_int_equal(verify_rule_add_secret(&rule, SPAN_LITERAL("too many"), &error), ERROR_SETTING);
    verify_rule_free(&rule);
}

static void a_standard_secret_needs_neither_prefix_nor_padding(void **state)
{
    const struct vector *v = &vectors[0];
    struct request r = vector_request(v);

    (void)state;
    assert_string_equal(v->secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_int_equal(judge(v, v->secret + 6, &r, span_of(v->body), v->now), VERIFY_FINE);
    for (const struct vector *padded = vectors; padded->scheme != NULL; padded++) {
        size_t len = strlen(padded->secret);

        if (strncmp(padded->secret, "whpk_", 5) == 0 && padded->secret[len - 1] == '=') {
            char *bare = strndup(padded->secret, len - 1);

            r = vector_request(padded);
            assert_int_equal(judge(padded, bare, &r, span_of(padded->body), padded->now), VERIFY_FINE);
            free(bare);
        }
    }
}

static enum verify_cause standard_list(const char *list)
{
    return judge_with(&vectors[0], "webhook-signature", span_of(list));
}

static void in_a_standard_list_only_known_versions_count(void **state)
{
#define RIGHT "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
#define EIGHT \
    "v1," WRONG " v1," WRONG " v1," WRONG " v1," WRONG " v1," WRONG " v1," WRONG " v1," WRONG " v1," WRONG " "
    (void)state;
    assert_int_equal(standard_list("v1," WRONG " v2," WRONG " v1," RIGHT), VERIFY_FINE);
    assert_int_equal(standard_list("v1," WRONG " v1," RIGHT " v1a,short"), VERIFY_FINE);
    assert_int_equal(standard_list("v2," RIGHT), VERIFY_MALFORMED);
    assert_int_equal(standard_list("v1a," RIGHT), VERIFY_MALFORMED);
    assert_int_equal(standard_list(RIGHT), VERIFY_MALFORMED);
    assert_int_equal(standard_list("V1," RIGHT), VERIFY_MALFORMED);
    assert_int_equal(standard_list("v1," WRONG ",v1," RIGHT), VERIFY_MALFORMED);
    assert_int_equal(standard_list(EIGHT EIGHT "v1," RIGHT), VERIFY_MALFORMED); /* more than 16 */
    assert_int_equal(standard_list("v1a,x v1a,x v1a,x v1a,x v1," RIGHT), VERIFY_FINE);
    assert_int_equal(standard_list("v1a,x v1a,x v1a,x v1a,x v1a,x v1," RIGHT),
                     VERIFY_MALFORMED); /* more than 4 */
}

static void svix_names_are_not_kept_and_never_mixed_with_the_others(void **state)
{
    static const char *const pairs[][2] = {{"webhook-id", "svix-id"},
                                           {"webhook-timestamp", "svix-timestamp"},
                                           {"webhook-signature", "svix-signature"}};
    const struct vector *v = &vectors[0];
    struct verify_rule rule = make_rule(v, v->secret);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct request r = vector_request(v);

        assert_true(verify_reads(&rule, span_of(pairs[i][0])));
        assert_true(verify_reads(&rule, span_of(pairs[i][1])));
        header_of(&r, pairs[i][0])->name = span_of(pairs[i][1]); /* one of three has the other name */
        assert_int_equal(judge(v, v->secret, &r, span_of(v->body), v->now), VERIFY_MIXED);
        r = vector_request(v);
        r.headers[r.header_count++] = (struct request_header){span_of(pairs[i][1]), SPAN_LITERAL("")};
        assert_int_equal(judge(v, v->secret, &r, span_of(v->body), v->now), VERIFY_MIXED);
    }
    assert_false(verify_reads(&rule, SPAN_LITERAL("svix-other")));
    verify_rule_free(&rule);
}

static void a_standard_id_with_a_dot_is_refused(void **state)
{
    (void)state;
    assert_int_equal(judge_with(&vectors[0], "webhook-id", SPAN_LITERAL("msg.1")), VERIFY_MALFORMED);
    assert_int_equal(judge_with(&vectors[0], "webhook-id", SPAN_LITERAL("msg_other")), VERIFY_MISMATCH);
}

static const struct vector *vector_of(const char *scheme)
{
    const struct vector *v = vectors;

    while (strcmp(v->scheme, scheme) != 0) {
        v++;
    }
    return v;
}

static void stripe_ignores_v0_and_refuses_two_times(void **state)
{
#define V1 "42b3d2b2181207b6b299df380bf37599bb895dc182467ba12e046b1916c4cd19"
    const struct vector *v = vector_of("stripe");

    (void)state;
    assert_int_equal(judge_with(v, v->proof, SPAN_LITERAL("t=1614265330,v0=" V1)), VERIFY_MALFORMED);
    assert_int_equal(judge_with(v, v->proof, SPAN_LITERAL("t=1614265330,v1=" V1 ",t=1614265330")),
                     VERIFY_MALFORMED);
    assert_int_equal(judge_with(v, v->proof, SPAN_LITERAL("v1=" V1)), VERIFY_TIME);
    assert_int_equal(judge_with(v, v->proof, SPAN_LITERAL("v0=aa,,=,t=1614265330,v1=00,v1=" V1)),
                     VERIFY_FINE);
}

static enum verify_cause twilio(const char *host, bool https, const char *query, const char *type)
{
    const struct vector *v = vector_of("twilio");
    struct request r = vector_request(v);

    r.host = span_of(host);
    r.https = https;
    r.query = span_of(query);
    header_of(&r, "content-type")->value = span_of(type);
    return judge(v, v->secret, &r, span_of(v->body), v->now);
}

static enum verify_cause twilio_at(const char *url, const char *path)
{
    const struct vector *v = vector_of("twilio");
    struct verify_rule rule = make_rule(v, v->secret);
    struct request r = vector_request(v);
    enum verify_cause cause;
    bool verified;

    rule.url = strdup(url);
    r.host = SPAN_LITERAL("inside:8080");
    r.https = false;
    r.path = span_of(path);
    verified = verify_key(&rule, &r, span_of(v->body), v->now, &cause) != NULL;
    assert_int_equal(verified, cause == VERIFY_FINE);
    verify_rule_free(&rule);
    return cause;
}

/* A Webhooks Rule of Twilio: the hash alone is another. Computed with Python's hmac. */
static void twilio_signs_with_sha256_where_the_route_says_so(void **state)
{
    struct vector v = *vector_of("twilio");
    struct request r = vector_request(&v);

    (void)state;
    header_of(&r, v.proof)->value = SPAN_LITERAL("033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=");
    assert_int_equal(judge(&v, v.secret, &r, span_of(v.body), v.now), VERIFY_MALFORMED);
    v.algorithm = "sha256";
    assert_int_equal(judge(&v, v.secret, &r, span_of(v.body), v.now), VERIFY_FINE);
    r = vector_request(&v);
    assert_int_equal(judge(&v, v.secret, &r, span_of(v.body), v.now), VERIFY_MALFORMED);
}

static void twilio_signs_the_url_of_the_route_regardless_of_forwarded_headers(void **state)
{
    (void)state;
    assert_int_equal(twilio_at("https://mycompany.com", vector_of("twilio")->path), VERIFY_FINE);
    assert_int_equal(twilio_at("https://mycompany.com/my", "/app.php"), VERIFY_MISMATCH);
    assert_int_equal(twilio_at("https://mycompany.com:443", vector_of("twilio")->path), VERIFY_MISMATCH);
    assert_int_equal(twilio_at("http://mycompany.com", vector_of("twilio")->path), VERIFY_MISMATCH);
    assert_int_equal(twilio_at("https://mycompany.com/myapp.php", ""), VERIFY_FINE);
}

static void twilio_signs_the_url_and_the_form(void **state)
{
    static const char form[] = "application/x-www-form-urlencoded";

    (void)state;
    assert_int_equal(twilio("mycompany.com", true, "foo=1&bar=2", form), VERIFY_FINE);
    assert_int_equal(twilio("mycompany.com:443", true, "foo=1&bar=2", form), VERIFY_FINE);
    assert_int_equal(
        twilio("mycompany.com", true, "foo=1&bar=2", "APPLICATION/x-www-form-urlencoded ; charset=UTF-8"),
        VERIFY_FINE);
    assert_int_equal(twilio("mycompany.com", false, "foo=1&bar=2", form), VERIFY_MISMATCH);
    assert_int_equal(twilio("evil.example", true, "foo=1&bar=2", form), VERIFY_MISMATCH);
    assert_int_equal(twilio("mycompany.com", true, "foo=1&bar=3", form), VERIFY_MISMATCH);
    /* A body that the signature does not cover. */
    assert_int_equal(twilio("mycompany.com", true, "foo=1&bar=2", "text/plain"), VERIFY_MALFORMED);
    assert_int_equal(twilio("mycompany.com", true, "foo=1&bar=2&bodySHA256=", form), VERIFY_MISMATCH);
    assert_int_equal(twilio("mycompany.com", true, "bodySHA256=00", form), VERIFY_MISMATCH);
}

static void authorization_is_read_as_rfc_9110_says(void **state)
{
    const struct vector *bearer = vector_of("bearer"), *basic = vector_of("basic");

    (void)state;
    assert_int_equal(judge_with(bearer, "authorization", SPAN_LITERAL("bearer  bearer-secret")), VERIFY_FINE);
    assert_int_equal(judge_with(bearer, "authorization", SPAN_LITERAL("Bearer bearer-secret2")),
                     VERIFY_MISMATCH);
    assert_int_equal(judge_with(bearer, "authorization", SPAN_LITERAL("Bearer")), VERIFY_MALFORMED);
    assert_int_equal(judge_with(bearer, "authorization", SPAN_LITERAL("bearer-secret")), VERIFY_MALFORMED);
    assert_int_equal(judge_with(bearer, "authorization", SPAN_LITERAL("Basic bearer-secret")),
                     VERIFY_MALFORMED);
    assert_int_equal(judge_with(basic, "authorization", SPAN_LITERAL("BASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
                     VERIFY_FINE);
    assert_int_equal(judge_with(basic, "authorization", SPAN_LITERAL("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=")),
                     VERIFY_MALFORMED);
    /* aladdin:open sesame */
    assert_int_equal(judge_with(basic, "authorization", SPAN_LITERAL("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
                     VERIFY_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_verifies),
        cmocka_unit_test(each_scheme_has_vectors_and_their_number_is_printed),
        cmocka_unit_test(another_secret_is_refused),
        cmocka_unit_test(a_changed_body_is_refused),
        cmocka_unit_test(a_missing_or_empty_header_is_refused),
        cmocka_unit_test(a_duplicate_header_is_refused_even_if_both_are_right),
        cmocka_unit_test(hex_in_capitals_is_the_same_signature),
        cmocka_unit_test(a_signature_in_another_form_is_refused),
        cmocka_unit_test(an_invalid_timestamp_is_refused),
        cmocka_unit_test(the_tolerance_is_exact_in_both_directions),
        cmocka_unit_test(all_secrets_are_tried_and_the_matching_one_is_returned),
        cmocka_unit_test(a_rule_without_secrets_refuses_everything),
        cmocka_unit_test(headers_that_verification_reads_are_not_kept),
        cmocka_unit_test(unusable_secrets_are_refused),
        cmocka_unit_test(a_standard_secret_needs_neither_prefix_nor_padding),
        cmocka_unit_test(in_a_standard_list_only_known_versions_count),
        cmocka_unit_test(svix_names_are_not_kept_and_never_mixed_with_the_others),
        cmocka_unit_test(a_standard_id_with_a_dot_is_refused),
        cmocka_unit_test(stripe_ignores_v0_and_refuses_two_times),
        cmocka_unit_test(twilio_signs_with_sha256_where_the_route_says_so),
        cmocka_unit_test(twilio_signs_the_url_of_the_route_regardless_of_forwarded_headers),
        cmocka_unit_test(twilio_signs_the_url_and_the_form),
        cmocka_unit_test(authorization_is_read_as_rfc_9110_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
