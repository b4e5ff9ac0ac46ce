/* SPDX-License-Identifier: MIT */
#include "verify.h"

#include "public_key.h"
#include "schemes.h"
#include "secret.h"
#include "signed_content.h"
#include "text.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* --- the rule --------------------------------------------------------------------- */

/* Returns NULL with *wrong set to the end of a sentence about the secret, or, without memory, with *wrong
 * NULL. */
static struct secret_key *standard_key(struct span text, const char **wrong)
{
    bool public = text_begins(text, "whpk_");
    struct buf bytes = {0};
    struct secret_key *key = NULL;

    if (public || text_begins(text, "whsec_")) {
        size_t skip = public ? sizeof "whpk_" - 1 : sizeof "whsec_" - 1;

        text = (struct span){text.data + skip, text.len - skip};
    }
    if (!text_read_base64(text, &bytes) || bytes.len == 0) {
        *wrong = bytes.failed ? NULL : "is not base64 after an optional whsec_ or whpk_";
    } else {
        key = public ? public_key_ed25519(buf_span(&bytes), wrong)
                     : secret_key_hmac(SECRET_KEY_SHA256, buf_span(&bytes));
    }
    secret_wipe(bytes.data, bytes.capacity);
    buf_free(&bytes);
    return key;
}

static struct secret_key *basic_key(const struct verify_rule *rule, struct span password)
{
    struct buf pair = {0};
    struct secret_key *key;

    buf_reserve(&pair, strlen(rule->user) + 1 + password.len); /* so that no copy is left behind */
    buf_append_text(&pair, rule->user);
    buf_append_char(&pair, ':');
    buf_append_span(&pair, password);
    key = pair.failed ? NULL : secret_key_token(buf_span(&pair));
    secret_wipe(pair.data, pair.capacity);
    buf_free(&pair);
    return key;
}

static struct secret_key *hmac_key(const struct verify_rule *rule, struct span text, const char **wrong)
{
    struct buf bytes = {0};
    struct secret_key *key = NULL;

    *wrong = declaration_key(&rule->declaration, text, &bytes);
    if (*wrong == NULL && !bytes.failed) {
        key = secret_key_hmac(rule->algorithm, buf_span(&bytes));
    }
    secret_wipe(bytes.data, bytes.capacity);
    buf_free(&bytes);
    return key;
}

static struct secret_key *make_key(const struct verify_rule *rule, struct span text, const char **wrong)
{
    switch (scheme_of(rule->scheme)->key) {
    case SCHEME_KEY_HMAC:
        return hmac_key(rule, text, wrong);
    case SCHEME_KEY_BASE64:
        return standard_key(text, wrong);
    case SCHEME_KEY_ED25519:
        return public_key_read(PUBLIC_KEY_ED25519, text, wrong);
    case SCHEME_KEY_P256:
        return public_key_read(PUBLIC_KEY_P256, text, wrong);
    case SCHEME_KEY_TOKEN:
        return secret_key_token(text);
    case SCHEME_KEY_PASSWORD:
        return basic_key(rule, text);
    case SCHEME_KEY_NONE:
        *wrong = "is not allowed: the scheme none has no secrets";
        return NULL;
    }
    return NULL;
}

enum error_code verify_rule_add_secret(struct verify_rule *rule, struct span text, struct error *error)
{
    const char *wrong = NULL;
    struct secret_key *key;

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
        secret_key_free(rule->keys[i]);
    }
    free(rule->header);
    free(rule->prefix);
    free(rule->user);
    free(rule->url);
    declaration_free(&rule->declaration);
    declared_challenge_free(&rule->challenge);
    wipe_text(rule->verify_token);
    *rule = (struct verify_rule){0};
}

/* --- comparison ------------------------------------------------------------------ */

/* Tries each signature that has the right form on these pieces. */
static enum verify_cause match_signatures(const struct secret_key *key, const struct span *pieces,
                                          size_t count, const struct signed_content *content)
{
    enum verify_cause cause = VERIFY_MALFORMED;
    struct buf sent = {0};

    for (size_t i = 0; i < content->public_count && cause != VERIFY_FINE; i++) {
        buf_clear(&sent);
        if (content->public_signatures[i].len <=
                encoding_length(content->encoding, SECRET_KEY_SIGNATURE_MAX) &&
            encoding_read(content->encoding, content->public_signatures[i], &sent) &&
            secret_key_may_sign(key, buf_span(&sent))) {
            cause = secret_key_signed(key, pieces, count, buf_span(&sent)) ? VERIFY_FINE : VERIFY_MISMATCH;
        }
    }
    cause = sent.failed ? VERIFY_MEMORY : cause;
    buf_free(&sent);
    return cause;
}

static enum verify_cause match_public(const struct secret_key *key, const struct signed_content *content)
{
    struct buf joined = {0};
    struct span message;
    enum verify_cause cause;

    if (!secret_key_wants_one_piece(key) || content->piece_count == 1 || content->public_count == 0) {
        return match_signatures(key, content->pieces, content->piece_count, content);
    }
    for (size_t i = 0; i < content->piece_count; i++) {
        buf_append_span(&joined, content->pieces[i]);
    }
    message = buf_span(&joined);
    cause = joined.failed ? VERIFY_MEMORY : match_signatures(key, &message, 1, content);
    buf_free(&joined);
    return cause;
}

/* Compares decoded bytes, because senders may write hex in capitals. */
static enum verify_cause match_mac(const struct secret_key *key, const struct span *pieces,
                                   const struct signed_content *content)
{
    enum verify_cause cause = VERIFY_MALFORMED;
    struct buf sent = {0};
    struct secret_key_mac mac;

    if (!secret_key_authenticate(key, pieces, content->piece_count, &mac)) {
        return VERIFY_MEMORY;
    }
    for (size_t i = 0; i < content->signature_count && cause != VERIFY_FINE; i++) {
        buf_clear(&sent);
        if (content->signatures[i].len <= encoding_length(content->encoding, mac.len) &&
            encoding_read(content->encoding, content->signatures[i], &sent) && sent.len == mac.len) {
            cause = CRYPTO_memcmp(sent.data, mac.bytes, mac.len) == 0 ? VERIFY_FINE : VERIFY_MISMATCH;
        }
    }
    cause = sent.failed ? VERIFY_MEMORY : cause;
    buf_free(&sent);
    return cause;
}

static enum verify_cause match_key(const struct secret_key *key, const struct signed_content *content)
{
    struct span pieces[SIGNED_CONTENT_PIECES_MAX];
    enum verify_cause cause;

    if (secret_key_is_public(key)) {
        return match_public(key, content);
    }
    cause = match_mac(key, content->pieces, content);
    if (cause != VERIFY_MISMATCH || content->other_host.len == 0) {
        return cause;
    }
    memcpy(pieces, content->pieces, sizeof pieces);
    pieces[SIGNED_CONTENT_HOST] = content->other_host;
    return match_mac(key, pieces, content);
}

static enum verify_cause match_content(const struct verify_rule *rule, const struct signed_content *content,
                                       size_t *index)
{
    enum verify_cause worst = VERIFY_MALFORMED;

    for (size_t i = 0; i < rule->key_count; i++) {
        enum verify_cause cause = match_key(rule->keys[i], content);

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
    unsigned char digest[SECRET_KEY_DIGEST_BYTES];

    if (!secret_key_digest(token, digest)) {
        return VERIFY_MEMORY;
    }
    for (size_t i = 0; i < rule->key_count; i++) {
        if (secret_key_equals(rule->keys[i], digest)) {
            *index = i;
            return VERIFY_FINE;
        }
    }
    return VERIFY_MISMATCH;
}

/* Removes the mark, ignoring case, and spaces after it. False when the value does not begin with the mark. */
static bool take_mark(struct span *value, const char *mark)
{
    size_t len = strlen(mark);

    if (value->len < len || !request_is((struct span){value->data, len}, mark)) {
        return false;
    }
    while (len > 0 && len < value->len && value->data[len] == ' ') {
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
    if (text_read_base64(text, &pair)) {
        cause = match_token(rule, buf_span(&pair), index);
    } else {
        cause = pair.failed ? VERIFY_MEMORY : VERIFY_MALFORMED;
    }
    secret_wipe(pair.data, pair.capacity);
    buf_free(&pair);
    return cause;
}

/* --- a request --------------------------------------------------------------------- */

static enum verify_cause check_token(const struct verify_rule *rule, const struct request *request,
                                     size_t *index)
{
    struct span value;
    enum verify_cause cause = signed_content_header(rule, request, SCHEME_READS_PROOF, &value);

    if (cause != VERIFY_FINE) {
        return cause;
    }
    if (!take_mark(&value, scheme_mark(rule))) {
        return VERIFY_MALFORMED;
    }
    return scheme_of(rule->scheme)->key == SCHEME_KEY_PASSWORD ? match_basic(rule, value, index)
                                                               : match_token(rule, value, index);
}

const struct secret_key *verify_key(const struct verify_rule *rule, const struct request *request,
                                    struct span body, int64_t now_s, enum verify_cause *cause)
{
    struct signed_content content = {.text = {0}};
    size_t index = 0;

    if (scheme_of(rule->scheme)->content == SCHEME_SENDS_SECRET) {
        *cause = check_token(rule, request, &index);
    } else {
        *cause = signed_content_read(&content, rule, request, body, now_s);
        *cause = *cause == VERIFY_FINE ? match_content(rule, &content, &index) : *cause;
        signed_content_free(&content);
    }
    return *cause == VERIFY_FINE ? rule->keys[index] : NULL;
}

bool verify_reads(const struct verify_rule *rule, struct span header_name)
{
    if (rule->declaration.time_header != NULL && request_is(header_name, rule->declaration.time_header)) {
        return true;
    }
    if (rule->challenge.place == DECLARED_CHALLENGE_HEADER && request_is(header_name, rule->challenge.name)) {
        return true;
    }
    for (int what = 0; what < SCHEME_READS; what++) {
        const char *name = scheme_header(rule, (enum scheme_reads)what);
        const char *other = scheme_other_header(rule, (enum scheme_reads)what);

        if ((name != NULL && request_is(header_name, name)) ||
            (other != NULL && request_is(header_name, other))) {
            return true;
        }
    }
    return false;
}

const char *verify_cause_label(enum verify_cause cause)
{
#define LABEL(name, label) [name] = (label),
    static const char *const labels[] = {VERIFY_CAUSES(LABEL)};
#undef LABEL

    return labels[cause];
}

const char *verify_demand(const struct verify_rule *rule)
{
    if (rule->scheme == VERIFY_BASIC) {
        return "Basic realm=\"webhooks\", charset=\"UTF-8\"";
    }
    return rule->scheme == VERIFY_BEARER ? "Bearer realm=\"webhooks\"" : "Signature realm=\"webhooks\"";
}
