/* SPDX-License-Identifier: MIT */
#include "verify.h"

#include "secret.h"

#include <stdlib.h>
#include <string.h>

/* --- the rule --------------------------------------------------------------------- */

static bool starts_with(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && (len == 0 || memcmp(text.data, prefix, len) == 0);
}

/* NULL with *wrong (the rest of a sentence about the secret), or with *wrong NULL: no memory. */
static struct key *standard_key(struct span text, const char **wrong)
{
    bool public = starts_with(text, "whpk_");
    struct buf bytes = {0};
    struct key *key = NULL;

    if (public || starts_with(text, "whsec_")) {
        size_t skip = public ? sizeof "whpk_" - 1 : sizeof "whsec_" - 1;

        text = (struct span){text.data + skip, text.len - skip};
    }
    if (!encoding_read_base64(text, &bytes) || bytes.len == 0) {
        *wrong = bytes.failed ? NULL : "is not base64, after whsec_ or whpk_";
    } else if (public && bytes.len != KEY_PUBLIC_BYTES) {
        *wrong = "is no ed25519 key: whpk_ has 32 bytes in base64 behind it";
    } else {
        key = public ? key_public(buf_span(&bytes)) : key_hmac(KEY_SHA256, buf_span(&bytes));
    }
    secret_wipe(bytes.data, bytes.capacity);
    buf_free(&bytes);
    return key;
}

static struct key *basic_key(const struct verify_rule *rule, struct span password)
{
    struct buf pair = {0};
    struct key *key;

    buf_reserve(&pair, strlen(rule->user) + 1 + password.len); /* so that no copy is left behind */
    buf_append_text(&pair, rule->user);
    buf_append_char(&pair, ':');
    buf_append_span(&pair, password);
    key = pair.failed ? NULL : key_token(buf_span(&pair));
    secret_wipe(pair.data, pair.capacity);
    buf_free(&pair);
    return key;
}

static struct key *make_key(const struct verify_rule *rule, struct span text, const char **wrong)
{
    switch (rule->scheme) {
    case VERIFY_STANDARD:
        return standard_key(text, wrong);
    case VERIFY_GITHUB:
    case VERIFY_STRIPE:
    case VERIFY_SLACK:
    case VERIFY_SHOPIFY:
    case VERIFY_META:
    case VERIFY_ZOOM:
        return key_hmac(KEY_SHA256, text);
    case VERIFY_TWILIO:
        return key_hmac(KEY_SHA1, text);
    case VERIFY_HMAC:
        return key_hmac(rule->algorithm, text);
    case VERIFY_GITLAB:
    case VERIFY_BEARER:
    case VERIFY_HEADER:
        return key_token(text);
    case VERIFY_BASIC:
        return basic_key(rule, text);
    case VERIFY_NONE:
        *wrong = "is not wanted: the scheme none has no secret";
        return NULL;
    }
    return NULL;
}

enum error_code verify_rule_add_secret(struct verify_rule *rule, struct span text, struct error *error)
{
    const char *wrong = NULL;
    struct key *key;

    if (text.len == 0) {
        return error_set(error, ERROR_SETTING, "the secret is empty");
    }
    if (rule->key_count == VERIFY_SECRETS_MAX) {
        return error_set(error, ERROR_SETTING, "more than %d secrets: remove old ones", VERIFY_SECRETS_MAX);
    }
    key = make_key(rule, text, &wrong);
    if (wrong != NULL) {
        return error_set(error, ERROR_SETTING, "the secret %s", wrong);
    }
    if (key == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a secret");
    }
    rule->keys[rule->key_count++] = key;
    return ERROR_NONE;
}

static void wipe_text(char *text)
{
    if (text != NULL) {
        secret_wipe(text, strlen(text));
        free(text);
    }
}

void verify_rule_free(struct verify_rule *rule)
{
    for (size_t i = 0; i < rule->key_count; i++) {
        key_free(rule->keys[i]);
    }
    free(rule->header);
    free(rule->prefix);
    free(rule->user);
    wipe_text(rule->verify_token);
    *rule = (struct verify_rule){0};
}

/* --- a request --------------------------------------------------------------------- */

bool verify_request(const struct verify_rule *rule, const struct request *request, struct span body,
                    int64_t now_s, enum verify_cause *cause)
{
    (void)request;
    (void)body;
    (void)now_s;
    *cause = rule->scheme == VERIFY_NONE ? VERIFY_FINE : VERIFY_MISSING;
    return rule->scheme == VERIFY_NONE;
}

bool verify_reads(const struct verify_rule *rule, struct span header_name)
{
    (void)header_name;
    return rule->scheme != VERIFY_NONE;
}

const char *verify_cause_label(enum verify_cause cause)
{
#define LABEL(name, label) [name] = (label),
    static const char *const labels[] = {VERIFY_CAUSES(LABEL)};
#undef LABEL

    return labels[cause];
}
