/* SPDX-License-Identifier: MIT */
#include "gateway/http/proxies.h"
#include "gateway/verify/challenge.h"
#include "gateway/verify/schemes.h"
#include "lines.h"

#include <stdlib.h>

static struct body_memory memory = {.most = INT64_MAX};

#define NOW 1614265330

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DECLARATIONS 5
static const char p256[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8"
    "vGyDC1+n1F3o8KU1EYimQ==";

static void add_part(struct declaration *d, enum declaration_kind kind, const char *text)
{
    d->parts[d->part_count++] = (struct declaration_part){kind, text == NULL ? NULL : strdup(text)};
}

/* What a route may declare for hmac; 0 declares nothing. */
static void declare(struct verify_rule *rule, unsigned which)
{
    struct declaration *d = &rule->declaration;

    rule->tolerance_s = SCHEME_TOLERANCE_S;
    if (which == 1) { /* fields, with the time among them */
        d->time_field = strdup("t");
        d->field = strdup("v1");
        add_part(d, DECLARATION_TIME, NULL);
        add_part(d, DECLARATION_TEXT, ".");
    } else if (which == 2) { /* headers; a time of RFC 3339 */
        d->time_header = strdup("x-time");
        d->unit = TIMESTAMP_RFC3339;
        rule->encoding = ENCODING_BASE64URL;
        add_part(d, DECLARATION_ID, "x-id");
        add_part(d, DECLARATION_HEADER, "x-other");
        add_part(d, DECLARATION_TIME, NULL);
    } else if (which == 3) { /* the request line */
        d->time_header = strdup("x-time");
        d->unit = TIMESTAMP_MILLISECONDS;
        rule->encoding = ENCODING_BASE64;
        add_part(d, DECLARATION_METHOD, NULL);
        add_part(d, DECLARATION_URL, NULL);
        add_part(d, DECLARATION_HOST, NULL);
        add_part(d, DECLARATION_PATH, NULL);
        add_part(d, DECLARATION_QUERY, NULL);
        add_part(d, DECLARATION_TIME, NULL);
    }
    if (which == 4) { /* within the body */
        d->pointer = strdup("/0/s");
        d->next_item = strdup("/1");
        d->time_pointer = strdup("/0/t");
        add_part(d, DECLARATION_TIME, NULL);
        add_part(d, DECLARATION_POINTER, "/0/a/b");
        add_part(d, DECLARATION_TEXT, ":");
        add_part(d, DECLARATION_POINTER, "/0/a/b");
        add_part(d, DECLARATION_POINTER, "/0/c");
    } else if (which != 0) {
        add_part(d, DECLARATION_BODY, NULL);
    }
}

/* A secret that no input knows. */
static struct verify_rule *rule_of(enum verify_scheme scheme, unsigned declaration)
{
    static struct verify_rule all[DECLARATIONS][SCHEME_COUNT];
    struct verify_rule *rules = all[declaration];
    static const char *const secrets[] = {"ZmlyZSB3YWxrIHdpdGggbWUsIDI1IHllYXJz",
                                          "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="};
    static const char *const keys[SCHEME_COUNT] = {
        [VERIFY_ED25519] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        [VERIFY_ECDSA] = p256};
    struct verify_rule *rule = &rules[scheme];
    struct error error;

    if (rule->key_count == 0) {
        *rule = scheme_rule(scheme_of(scheme));
        rule->header = strdup("x-proof");
        rule->user = strdup("user");
        if (scheme_of(scheme)->content == SCHEME_SIGNS_DECLARED) {
            declare(rule, declaration);
        }
        for (size_t i = 0; i < (scheme == VERIFY_STANDARD ? 2 : 1); i++) {
            if (verify_rule_add_secret(rule, span_of(keys[scheme] == NULL ? secrets[i] : keys[scheme]),
                                       &error) != ERROR_NONE) {
                abort();
            }
        }
    }
    return rule;
}

/* What anyone may have returned, under the same kinds of challenges as a routes file declares. */
static void ask(const struct request *request, struct span body)
{
    static char name[] = "challenge", header[] = "x-proof", pointer[] = "/challenge", value[] = "1";
    static const struct declared_challenge all[] = {
        {.place = DECLARED_CHALLENGE_QUERY, .name = name},
        {.place = DECLARED_CHALLENGE_HEADER, .name = header, .echo = REPLY_ECHO_HEADER, .echo_name = header},
        {.place = DECLARED_CHALLENGE_POINTER, .name = pointer, .echo = REPLY_ECHO_MEMBER, .echo_name = name},
        {.place = DECLARED_CHALLENGE_POINTER, .name = pointer, .mark_header = header, .mark_value = value},
        {.place = DECLARED_CHALLENGE_CLOUDEVENTS, .echo = REPLY_ECHO_ORIGIN},
        {.place = DECLARED_CHALLENGE_HEAD}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct reply reply = {0};
        size_t len;

        if (declared_challenge_answer(&all[i], request, body, DECLARED_CHALLENGE_REFUTED, false, &reply)) {
            abort();
        }
        if (!declared_challenge_answer(&all[i], request, body, DECLARED_CHALLENGE_UNCHECKED, false, &reply)) {
            continue;
        }
        len = strlen(reply.text);
        if (reply.kind == REPLY_CHALLENGE &&
            (len > CHALLENGE_TEXT_MAX || strpbrk(reply.text, "\r\n") != NULL)) {
            abort();
        }
    }
}

/* The first byte is the scheme and the declaration, the rest a request: nobody is believed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxies trusted;
    struct span text = {(const char *)data + 1, size - 1};
    struct verify_rule *rule;
    enum verify_cause cause;
    struct request request;
    struct body_text body;
    struct reply reply;
    struct error error;

    if (size == 0) {
        return 0;
    }
    if (trusted.count == 0 && proxies_read("127.0.0.0/8,10.0.0.0/8,::1", &trusted, &error) != ERROR_NONE) {
        abort();
    }
    rule = rule_of((enum verify_scheme)(VERIFY_STANDARD + data[0] % (SCHEME_COUNT - 1)),
                   data[0] / (SCHEME_COUNT - 1) % DECLARATIONS);
    request = lines_request(&text);
    proxies_apply(&trusted, &request);
    if (verify_key(rule, &request, text, NOW, &cause) != NULL || cause == VERIFY_FINE ||
        cause == VERIFY_MEMORY) {
        abort();
    }
    for (size_t i = 0; i < request.header_count; i++) {
        (void)verify_reads(rule, request.headers[i].name);
    }
    ask(&request, text);
    (void)challenge_begin(rule, &request, &reply);
    body = body_text_of(&request, text, size, &memory);
    (void)challenge_answer(rule, rule->keys[0], &body, &reply);
    body_text_free(&body);
    return 0;
}
