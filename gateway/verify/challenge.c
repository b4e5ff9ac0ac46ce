/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include "form.h"
#include "gateway/event/json_pointer.h"
#include "gateway/event/json_scan.h"
#include "schemes.h"
#include "secret.h"
#include "text.h"

#include <openssl/crypto.h>
#include <string.h>

/* True when the text is safe to echo: no character has a meaning in HTML, a shell or a log line. */
static bool is_harmless(struct span text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL) {
            return false;
        }
    }
    return text.len > 0 && text.len <= CHALLENGE_TEXT_MAX;
}

/* True when the challenge may be echoed; otherwise *reply says why not. */
static bool may_answer(struct span challenge, struct reply *reply)
{
    if (!is_harmless(challenge)) {
        return reply_refuse(reply, REPLY_MALFORMED,
                            "the challenge is not 1 to %d letters, digits and -._~+/=", CHALLENGE_TEXT_MAX);
    }
    return true;
}

static enum challenge_outcome answer(struct span challenge, struct reply *reply)
{
    if (may_answer(challenge, reply)) {
        reply_challenge(reply, "text/plain", "%.*s", (int)challenge.len, challenge.data);
    }
    return CHALLENGE_ANSWERED;
}

/* --- Meta ------------------------------------------------------------------------ */

/* Appends the first value of this name, decoded; nothing when there is none. */
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

/* Compares digests, so that the time does not depend on the token's length. */
static bool is_token(const struct verify_rule *rule, struct span given)
{
    unsigned char own[SECRET_KEY_DIGEST_BYTES], sent[SECRET_KEY_DIGEST_BYTES];

    return rule->verify_token != NULL && rule->verify_token[0] != '\0' &&
           secret_key_digest(span_of(rule->verify_token), own) && secret_key_digest(given, sent) &&
           CRYPTO_memcmp(own, sent, sizeof own) == 0;
}

enum challenge_outcome challenge_begin(const struct verify_rule *rule, const struct request *request,
                                       struct reply *reply)
{
    enum challenge_outcome outcome = CHALLENGE_NONE;
    struct buf mode = {0}, token = {0}, challenge = {0};

    if (scheme_of(rule->scheme)->challenge != SCHEME_CHALLENGE_SUBSCRIBE ||
        !span_equal(request->method, SPAN_LITERAL("GET"))) {
        return CHALLENGE_NONE;
    }
    take_field(request->query, "hub.mode", &mode);
    if (span_equal(buf_span(&mode), SPAN_LITERAL("subscribe"))) {
        take_field(request->query, "hub.verify_token", &token);
        take_field(request->query, "hub.challenge", &challenge);
        if (token.failed || challenge.failed) {
            (void)reply_refuse(reply, REPLY_MEMORY, "no memory for the handshake; try again later");
            outcome = CHALLENGE_ANSWERED;
        } else if (is_token(rule, buf_span(&token))) {
            outcome = answer(buf_span(&challenge), reply);
        } else {
            (void)reply_refuse(reply, REPLY_UNVERIFIED, "the request could not be verified");
            outcome = CHALLENGE_REFUSED;
        }
    }
    secret_wipe(token.data, token.capacity);
    buf_free(&token);
    buf_free(&mode);
    buf_free(&challenge);
    return outcome;
}

/* --- Slack and Zoom ---------------------------------------------------------------- */

/* True when the body has this string at this pointer. Searches for the bytes first: most bodies do not hold
 * them and need no parsing. */
static bool says(struct span body, const char *pointer, const char *word)
{
    struct span raw;

    return body.len > 0 && memmem(body.data, body.len, word, strlen(word)) != NULL &&
           json_pointer_find(body, span_of(pointer), &raw) == JSON_POINTER_STRING &&
           span_equal(raw, span_of(word));
}

/* Appends the string at this pointer; nothing when there is none. */
static void take_string(struct span body, const char *pointer, struct buf *out)
{
    struct span raw;

    if (json_pointer_find(body, span_of(pointer), &raw) == JSON_POINTER_STRING &&
        !json_scan_unescape(raw, out)) {
        buf_clear(out);
    }
}

static enum challenge_outcome answer_slack(struct span body, struct reply *reply)
{
    struct buf challenge = {0};
    enum challenge_outcome outcome;

    take_string(body, "/challenge", &challenge);
    outcome = answer(buf_span(&challenge), reply);
    buf_free(&challenge);
    return outcome;
}

/* Replies with the token and its HMAC, which proves that the gateway knows the secret. */
static void answer_token(const struct secret_key *key, struct span token, struct reply *reply)
{
    char hex[2 * SECRET_KEY_MAC_MAX];
    struct secret_key_mac mac;

    if (!secret_key_authenticate(key, &token, 1, &mac)) {
        (void)reply_refuse(reply, REPLY_MEMORY, "no memory for the handshake; try again later");
        return;
    }
    text_write_hex(mac.bytes, mac.len, hex);
    reply_challenge(reply, "application/json", "{\"plainToken\": \"%.*s\", \"encryptedToken\": \"%.*s\"}",
                    (int)token.len, token.data, (int)(2 * mac.len), hex);
}

static enum challenge_outcome answer_zoom(const struct secret_key *key, struct span body, struct reply *reply)
{
    struct buf token = {0};

    take_string(body, "/payload/plainToken", &token);
    if (may_answer(buf_span(&token), reply)) {
        answer_token(key, buf_span(&token), reply);
    }
    buf_free(&token);
    return CHALLENGE_ANSWERED;
}

/* --- Discord ------------------------------------------------------------------------ */

/* True for the PING of Discord's interactions: type 1. Its webhook events have type 1, too, and an `event`;
 * other senders may use any type. */
static bool is_ping(const struct verify_rule *rule, struct span body)
{
    struct span raw;

    return rule->header != NULL && strcmp(rule->header, "x-signature-ed25519") == 0 &&
           json_pointer_find(body, SPAN_LITERAL("/type"), &raw) == JSON_POINTER_NUMBER &&
           span_equal(raw, SPAN_LITERAL("1")) &&
           json_pointer_find(body, SPAN_LITERAL("/event"), &raw) == JSON_POINTER_ABSENT;
}

/* --- all --------------------------------------------------------------------------- */

/* Sets *text to the body's. False, with *reply set, when there is no memory to inflate it: a challenge must
 * not be taken for an event. A body that cannot be inflated for another reason is no challenge. */
static bool read_text(struct body_text *body, struct span *text, struct reply *reply)
{
    *text = body_text_read(body);
    return body->flaw != BODY_TEXT_MEMORY ||
           reply_refuse(reply, REPLY_MEMORY, "no memory to inflate the body; send it again later");
}

enum challenge_outcome challenge_answer(const struct verify_rule *rule, const struct secret_key *key,
                                        struct body_text *body, struct reply *reply)
{
    struct span text;

    switch (scheme_of(rule->scheme)->challenge) {
    case SCHEME_CHALLENGE_TEXT:
        if (!read_text(body, &text, reply)) {
            return CHALLENGE_ANSWERED;
        }
        return says(text, "/type", "url_verification") ? answer_slack(text, reply) : CHALLENGE_NONE;
    case SCHEME_CHALLENGE_MAC:
        if (!read_text(body, &text, reply)) {
            return CHALLENGE_ANSWERED;
        }
        return says(text, "/event", "endpoint.url_validation") ? answer_zoom(key, text, reply)
                                                               : CHALLENGE_NONE;
    case SCHEME_CHALLENGE_PING:
        if (!read_text(body, &text, reply)) {
            return CHALLENGE_ANSWERED;
        }
        if (!is_ping(rule, text)) {
            return CHALLENGE_NONE;
        }
        reply_challenge(reply, "application/json", "{\"type\": 1}");
        return CHALLENGE_ANSWERED;
    case SCHEME_CHALLENGE_NONE:
    case SCHEME_CHALLENGE_SUBSCRIBE:
        break;
    }
    return CHALLENGE_NONE;
}
