/* SPDX-License-Identifier: MIT */
#include "verify.h"

#include "secret.h"
#include "signed_content.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define ED25519_TEXT_MAX 128 /* a signature has 88 characters of base64 */

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

/* --- is it right? ------------------------------------------------------------------ */

static enum verify_cause match_public(const struct key *key, const struct proof *proof)
{
    struct buf message = {0}, signature = {0};
    enum verify_cause cause = VERIFY_MALFORMED;

    for (size_t i = 0; i < proof->piece_count; i++) {
        buf_append_span(&message, proof->pieces[i]);
    }
    for (size_t i = 0; i < proof->public_count && cause != VERIFY_FINE; i++) {
        buf_clear(&signature);
        if (proof->public_signatures[i].len <= ED25519_TEXT_MAX &&
            encoding_read_base64(proof->public_signatures[i], &signature) &&
            signature.len == KEY_SIGNATURE_BYTES) {
            bool good = key_signed(key, buf_span(&message), (const unsigned char *)signature.data);

            cause = good ? VERIFY_FINE : VERIFY_MISMATCH;
        }
    }
    cause = message.failed || signature.failed ? VERIFY_MEMORY : cause;
    buf_free(&message);
    buf_free(&signature);
    return cause;
}

/* The MAC is compared as text: whatever else a sender writes is just wrong. */
static enum verify_cause match_mac(const struct key *key, const struct span *pieces,
                                   const struct proof *proof)
{
    enum verify_cause cause = VERIFY_MALFORMED;
    char text[2 * KEY_MAC_MAX];
    struct key_mac mac;
    size_t len;

    if (!key_authenticate(key, pieces, proof->piece_count, &mac)) {
        return VERIFY_MEMORY;
    }
    len = encoding_length(proof->encoding, mac.len);
    encoding_write(proof->encoding, mac.bytes, mac.len, text);
    for (size_t i = 0; i < proof->signature_count && cause != VERIFY_FINE; i++) {
        if (proof->signatures[i].len == len) {
            cause = CRYPTO_memcmp(proof->signatures[i].data, text, len) == 0 ? VERIFY_FINE : VERIFY_MISMATCH;
        }
    }
    return cause;
}

static enum verify_cause match_key(const struct key *key, const struct proof *proof)
{
    struct span pieces[PROOF_PIECES_MAX];
    enum verify_cause cause;

    if (key_is_public(key)) {
        return match_public(key, proof);
    }
    cause = match_mac(key, proof->pieces, proof);
    if (cause != VERIFY_MISMATCH || proof->other_host.len == 0) {
        return cause;
    }
    memcpy(pieces, proof->pieces, sizeof pieces);
    pieces[PROOF_HOST] = proof->other_host;
    return match_mac(key, pieces, proof);
}

static enum verify_cause match_proof(const struct verify_rule *rule, const struct proof *proof, size_t *index)
{
    enum verify_cause worst = VERIFY_MALFORMED;

    for (size_t i = 0; i < rule->key_count; i++) {
        enum verify_cause cause = match_key(rule->keys[i], proof);

        if (cause == VERIFY_FINE || cause == VERIFY_MEMORY) {
            *index = i;
            return cause;
        }
        worst = cause == VERIFY_MISMATCH ? cause : worst;
    }
    return worst;
}

static enum verify_cause match_token(const struct verify_rule *rule, struct span token, size_t *index)
{
    unsigned char digest[KEY_DIGEST_BYTES];

    if (!key_digest(token, digest)) {
        return VERIFY_MEMORY;
    }
    for (size_t i = 0; i < rule->key_count; i++) {
        if (key_equals(rule->keys[i], digest)) {
            *index = i;
            return VERIFY_FINE;
        }
    }
    return VERIFY_MISMATCH;
}

/* Authorization: the word (in any case), blanks, the credentials. */
static bool take_credentials(struct span *value, const char *word)
{
    size_t len = strlen(word);

    if (value->len <= len || value->data[len] != ' ' || !request_is((struct span){value->data, len}, word)) {
        return false;
    }
    while (len < value->len && value->data[len] == ' ') {
        len++;
    }
    *value = (struct span){value->data + len, value->len - len};
    return true;
}

static enum verify_cause match_basic(const struct verify_rule *rule, struct span text, size_t *index)
{
    enum verify_cause cause;
    struct buf pair = {0};

    buf_reserve(&pair, text.len + 1); /* so that no copy is left behind */
    if (encoding_read_base64(text, &pair)) {
        cause = match_token(rule, buf_span(&pair), index);
    } else {
        cause = pair.failed ? VERIFY_MEMORY : VERIFY_MALFORMED;
    }
    secret_wipe(pair.data, pair.capacity);
    buf_free(&pair);
    return cause;
}

/* --- a request --------------------------------------------------------------------- */

/* The header with the token, of the schemes that have one. */
static const char *token_header(const struct verify_rule *rule)
{
    if (rule->scheme == VERIFY_GITLAB) {
        return "x-gitlab-token";
    }
    return rule->scheme == VERIFY_HEADER ? rule->header : "authorization";
}

static enum verify_cause check_token(const struct verify_rule *rule, const struct request *request,
                                     size_t *index)
{
    struct span value;
    enum verify_cause cause = proof_header(request, token_header(rule), &value);

    if (cause != VERIFY_FINE) {
        return cause;
    }
    if (rule->scheme == VERIFY_BEARER && !take_credentials(&value, "bearer")) {
        return VERIFY_MALFORMED;
    }
    if (rule->scheme == VERIFY_BASIC) {
        return take_credentials(&value, "basic") ? match_basic(rule, value, index) : VERIFY_MALFORMED;
    }
    return match_token(rule, value, index);
}

static bool has_token(enum verify_scheme scheme)
{
    return scheme == VERIFY_GITLAB || scheme == VERIFY_HEADER || scheme == VERIFY_BEARER ||
           scheme == VERIFY_BASIC;
}

const struct key *verify_key(const struct verify_rule *rule, const struct request *request, struct span body,
                             int64_t now_s, enum verify_cause *cause)
{
    struct proof proof = {.text = {0}};
    size_t index = 0;

    if (has_token(rule->scheme)) {
        *cause = check_token(rule, request, &index);
    } else {
        *cause = proof_read(&proof, rule, request, body, now_s);
        *cause = *cause == VERIFY_FINE ? match_proof(rule, &proof, &index) : *cause;
        proof_free(&proof);
    }
    return *cause == VERIFY_FINE ? rule->keys[index] : NULL;
}

bool verify_reads(const struct verify_rule *rule, struct span header_name)
{
    static const char *const read[][3] = {
        [VERIFY_STANDARD] = {"webhook-id", "webhook-timestamp", "webhook-signature"},
        [VERIFY_GITHUB] = {"x-hub-signature-256"},
        [VERIFY_STRIPE] = {"stripe-signature"},
        [VERIFY_SLACK] = {"x-slack-signature", "x-slack-request-timestamp"},
        [VERIFY_SHOPIFY] = {"x-shopify-hmac-sha256"},
        [VERIFY_TWILIO] = {"x-twilio-signature"},
        [VERIFY_GITLAB] = {"x-gitlab-token"},
        [VERIFY_META] = {"x-hub-signature-256"},
        [VERIFY_ZOOM] = {"x-zm-signature", "x-zm-request-timestamp"},
        [VERIFY_BEARER] = {"authorization"},
        [VERIFY_BASIC] = {"authorization"},
        [VERIFY_HEADER] = {NULL},
    };

    for (size_t i = 0; i < 3 && read[rule->scheme][i] != NULL; i++) {
        if (request_is(header_name, read[rule->scheme][i])) {
            return true;
        }
    }
    return rule->header != NULL && request_is(header_name, rule->header);
}

const char *verify_cause_label(enum verify_cause cause)
{
#define LABEL(name, label) [name] = (label),
    static const char *const labels[] = {VERIFY_CAUSES(LABEL)};
#undef LABEL

    return labels[cause];
}
