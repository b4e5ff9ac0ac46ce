/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include "clock.h"
#include "form.h"
#include "gateway/event/json_pointer.h"
#include "gateway/event/json_scan.h"
#include "gateway/sources/rate.h"
#include "secret.h"

#include <openssl/crypto.h>
#include <string.h>

static struct rate answers = {.per_second = HANDSHAKE_PER_SECOND, .burst = HANDSHAKE_PER_SECOND};

/* Nothing that a browser, a shell or a log could take for more than a text. */
static bool is_harmless(struct span text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL) {
            return false;
        }
    }
    return text.len > 0 && text.len <= HANDSHAKE_CHALLENGE_MAX;
}

/* True when the challenge may be given back now; else *reply says why not. */
static bool may_answer(struct span challenge, int64_t now_us, struct reply *reply)
{
    int64_t wait_us;

    if (!is_harmless(challenge)) {
        return reply_refuse(reply, REPLY_MALFORMED, "the challenge isn't 1 to %d letters, digits and -._~+/=",
                            HANDSHAKE_CHALLENGE_MAX);
    }
    wait_us = rate_take(&answers, now_us);
    if (wait_us > 0) {
        (void)reply_refuse(reply, REPLY_THROTTLED, "too many handshakes; at most %d a second are answered",
                           HANDSHAKE_PER_SECOND);
        reply->wait_s = wait_us / CLOCK_US_PER_S + 1;
        return false;
    }
    return true;
}

static enum handshake_outcome answer(struct span challenge, int64_t now_us, struct reply *reply)
{
    if (may_answer(challenge, now_us, reply)) {
        reply_challenge(reply, REPLY_CHALLENGE, "%.*s", (int)challenge.len, challenge.data);
    }
    return HANDSHAKE_ANSWERED;
}

/* --- Meta ------------------------------------------------------------------------ */

/* The first value of this name, decoded; empty when there is none. */
static void take_field(struct span query, const char *wanted, struct buf *out)
{
    struct span name, value;

    while (form_next(&query, &name, &value)) {
        if (span_equal(name, span_of(wanted))) {
            form_decode(value, out);
            return;
        }
    }
}

/* By digests, which are of one length. */
static bool is_token(const struct verify_rule *rule, struct span given)
{
    unsigned char own[KEY_DIGEST_BYTES], sent[KEY_DIGEST_BYTES];

    return rule->verify_token != NULL && rule->verify_token[0] != '\0' &&
           key_digest(span_of(rule->verify_token), own) && key_digest(given, sent) &&
           CRYPTO_memcmp(own, sent, sizeof own) == 0;
}

enum handshake_outcome handshake_begin(const struct verify_rule *rule, const struct request *request,
                                       int64_t now_us, struct reply *reply)
{
    enum handshake_outcome outcome = HANDSHAKE_NONE;
    struct buf mode = {0}, token = {0}, challenge = {0};

    if (rule->scheme != VERIFY_META || !span_equal(request->method, SPAN_LITERAL("GET"))) {
        return HANDSHAKE_NONE;
    }
    take_field(request->query, "hub.mode", &mode);
    if (span_equal(buf_span(&mode), SPAN_LITERAL("subscribe"))) {
        take_field(request->query, "hub.verify_token", &token);
        take_field(request->query, "hub.challenge", &challenge);
        if (token.failed || challenge.failed) {
            (void)reply_refuse(reply, REPLY_MEMORY, "no memory for the handshake; try again later");
            outcome = HANDSHAKE_ANSWERED;
        } else if (is_token(rule, buf_span(&token))) {
            outcome = answer(buf_span(&challenge), now_us, reply);
        } else {
            (void)reply_refuse(reply, REPLY_UNVERIFIED, "the request could not be verified");
            outcome = HANDSHAKE_REFUSED;
        }
    }
    secret_wipe(token.data, token.capacity);
    buf_free(&token);
    buf_free(&mode);
    buf_free(&challenge);
    return outcome;
}

/* --- Slack and Zoom ---------------------------------------------------------------- */

/* True when the body says so at this pointer. Few bodies hold the word at all: only those are
 * read as JSON. */
static bool says(struct span body, const char *pointer, const char *word)
{
    struct span raw;

    return body.len > 0 && memmem(body.data, body.len, word, strlen(word)) != NULL &&
           pointer_find(body, span_of(pointer), &raw) == POINTER_STRING && span_equal(raw, span_of(word));
}

/* The string at this pointer; empty when there is none. */
static void take_string(struct span body, const char *pointer, struct buf *out)
{
    struct span raw;

    if (pointer_find(body, span_of(pointer), &raw) == POINTER_STRING && !jsontext_unescape(raw, out)) {
        buf_clear(out);
    }
}

static enum handshake_outcome answer_slack(struct span body, int64_t now_us, struct reply *reply)
{
    struct buf challenge = {0};
    enum handshake_outcome outcome;

    take_string(body, "/challenge", &challenge);
    outcome = answer(buf_span(&challenge), now_us, reply);
    buf_free(&challenge);
    return outcome;
}

/* The token, and what only who knows the secret can make of it. */
static void answer_token(const struct key *key, struct span token, struct reply *reply)
{
    char hex[2 * KEY_MAC_MAX];
    struct key_mac mac;

    if (!key_authenticate(key, &token, 1, &mac)) {
        (void)reply_refuse(reply, REPLY_MEMORY, "no memory for the handshake; try again later");
        return;
    }
    encoding_write(ENCODING_HEX, mac.bytes, mac.len, hex);
    reply_challenge(reply, REPLY_CHALLENGE_JSON, "{\"plainToken\": \"%.*s\", \"encryptedToken\": \"%.*s\"}",
                    (int)token.len, token.data, (int)(2 * mac.len), hex);
}

static enum handshake_outcome answer_zoom(const struct key *key, struct span body, int64_t now_us,
                                          struct reply *reply)
{
    struct buf token = {0};

    take_string(body, "/payload/plainToken", &token);
    if (may_answer(buf_span(&token), now_us, reply)) {
        answer_token(key, buf_span(&token), reply);
    }
    buf_free(&token);
    return HANDSHAKE_ANSWERED;
}

enum handshake_outcome handshake_answer(const struct verify_rule *rule, const struct key *key,
                                        struct span body, int64_t now_us, struct reply *reply)
{
    if (rule->scheme == VERIFY_SLACK && says(body, "/type", "url_verification")) {
        return answer_slack(body, now_us, reply);
    }
    if (rule->scheme == VERIFY_ZOOM && says(body, "/event", "endpoint.url_validation")) {
        return answer_zoom(key, body, now_us, reply);
    }
    return HANDSHAKE_NONE;
}
