/* SPDX-License-Identifier: MIT */
#include "gateway/http/proxies.h"
#include "gateway/verify/challenge.h"
#include "gateway/verify/schemes.h"
#include "lines.h"

#include <stdlib.h>

static struct body_memory memory = {.most = INT64_MAX};

#define NOW 1614265330

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A secret that no input knows. */
static struct verify_rule *rule_of(enum verify_scheme scheme)
{
    static struct verify_rule rules[SCHEME_COUNT];
    static const char *const secrets[] = {"ZmlyZSB3YWxrIHdpdGggbWUsIDI1IHllYXJz",
                                          "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="};
    struct verify_rule *rule = &rules[scheme];
    struct error error;

    if (rule->key_count == 0) {
        *rule = scheme_rule(scheme_of(scheme));
        rule->header = strdup("x-proof");
        rule->user = strdup("user");
        for (size_t i = 0; i < (scheme == VERIFY_STANDARD ? 2 : 1); i++) {
            if (verify_rule_add_secret(rule, span_of(secrets[i]), &error) != ERROR_NONE) {
                abort();
            }
        }
    }
    return rule;
}

/* The first byte is the scheme, the rest a request: nobody is believed. */
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
    rule = rule_of((enum verify_scheme)(VERIFY_STANDARD + data[0] % (SCHEME_COUNT - 1)));
    request = lines_request(&text);
    proxies_apply(&trusted, &request);
    if (verify_key(rule, &request, text, NOW, &cause) != NULL || cause == VERIFY_FINE ||
        cause == VERIFY_MEMORY) {
        abort();
    }
    for (size_t i = 0; i < request.header_count; i++) {
        (void)verify_reads(rule, request.headers[i].name);
    }
    (void)challenge_begin(rule, &request, &reply);
    body = body_text_of(&request, text, size, &memory);
    (void)challenge_answer(rule, rule->keys[0], &body, &reply);
    body_text_free(&body);
    return 0;
}
