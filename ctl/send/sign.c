/* SPDX-License-Identifier: MIT */
#include "sign.h"

#include "config.h"
#include "declared.h"
#include "gateway/verify/schemes.h"
#include "gateway/verify/signed_content.h"
#include "gateway/verify/twilio.h"
#include "plain_line.h"
#include "private_key.h"
#include "rule.h"
#include "secret.h"
#include "text.h"
#include "url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLACEHOLDER "x" /* stands for the signature while the signed content is built */

struct sign {
    const struct scheme *scheme;
    struct verify_rule rule;
    struct buf secret;           /* as it was read: some schemes send it */
    struct private_key *private; /* signs instead of the rule's key; NULL: it is none */
};

/* --- from the options ---------------------------------------------------------- */

/* True when providers sign by a private key, so that the secret of the route is a public one. */
static bool may_be_public(const struct scheme *scheme)
{
    return scheme->key == SCHEME_KEY_BASE64 || scheme->key == SCHEME_KEY_ED25519 ||
           scheme->key == SCHEME_KEY_P256;
}

static enum error_code read_secret(struct sign *s, const struct sign_options *o, struct error *error)
{
    const char *value;

    if ((o->secret_file != NULL) == (o->secret_env != NULL)) {
        return error_set(error, ERROR_SETTING,
                         "--sign %s needs a secret: either --secret-file or --secret-env", s->scheme->name);
    }
    if (o->secret_file != NULL) {
        return may_be_public(s->scheme) ? config_read_key_file(o->secret_file, &s->secret, error)
                                        : config_read_file(o->secret_file, &s->secret, error);
    }
    value = getenv(o->secret_env);
    if (value == NULL) {
        return error_set(error, ERROR_SETTING,
                         "%s is not set: the secret must be in this variable of the environment",
                         o->secret_env);
    }
    buf_append_text(&s->secret, value);
    return plain_line_in_variable(buf_span(&s->secret), o->secret_env, error);
}

/* Makes a key of the secret: the private one with which a provider with a public key signs, or the rule's. */
static enum error_code take_secret(struct sign *s, struct error *error)
{
    enum public_key_kind kind = s->scheme->key == SCHEME_KEY_P256 ? PUBLIC_KEY_P256 : PUBLIC_KEY_ED25519;
    enum error_code code;

    if (may_be_public(s->scheme) && private_key_is(buf_span(&s->secret))) {
        s->private = private_key_open(kind, buf_span(&s->secret), error);
        return s->private == NULL ? error->code : ERROR_NONE;
    }
    code = verify_rule_add_secret(&s->rule, buf_span(&s->secret), error);
    if (code == ERROR_NONE && secret_key_is_public(s->rule.keys[0])) {
        code = error_set(error, ERROR_SETTING, "the secret is a public key, which can't sign: use %s",
                         s->scheme->key == SCHEME_KEY_BASE64
                             ? "a secret that begins with whsec_ or whsk_"
                             : "--secret-file with the private key of your own pair, in PEM");
    }
    return code;
}

static enum error_code open_scheme(struct sign *s, const struct scheme *scheme, const struct sign_options *o,
                                   struct error *error)
{
    enum error_code code;

    s->scheme = scheme;
    code = rule_of_options(&s->rule, scheme, o, error);
    code = code == ERROR_NONE ? read_secret(s, o, error) : code;
    return code == ERROR_NONE ? take_secret(s, error) : code;
}

enum error_code sign_open(struct sign **sign, const struct sign_options *options, struct error *error)
{
    const struct scheme *scheme =
        options->rule != NULL ? scheme_of(options->rule->scheme) : scheme_named(span_of(options->scheme));
    struct sign *s = calloc(1, sizeof *s);
    struct buf names = {0};
    enum error_code code;

    *sign = NULL;
    if (s == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (scheme == NULL || scheme->key == SCHEME_KEY_NONE) {
        scheme_names(&names);
        code = error_set(error, ERROR_SETTING, "--sign %s: must be one of %s", options->scheme,
                         buf_text(&names) + sizeof "none, " - 1);
        buf_free(&names);
    } else {
        code = open_scheme(s, scheme, options, error);
    }
    if (code != ERROR_NONE) {
        sign_close(s);
        return code;
    }
    *sign = s;
    return ERROR_NONE;
}

void sign_close(struct sign *s)
{
    if (s != NULL) {
        verify_rule_free(&s->rule);
        private_key_free(s->private);
        secret_wipe(s->secret.data, s->secret.capacity);
        buf_free(&s->secret);
        free(s);
    }
}

/* --- an event --------------------------------------------------------------------- */

const struct scheme *sign_scheme(const struct sign *s)
{
    return s->scheme;
}

bool sign_sets(const struct sign *s, const char *header)
{
    const char *id = s->scheme->sent.id;

    return verify_reads(&s->rule, span_of(header)) || (id != NULL && strcasecmp(id, header) == 0);
}

/* Sets a header, replacing any with this name. name NULL: does nothing. Returns false when out of memory. */
static bool put(cJSON *headers, const char *name, const char *value)
{
    if (name == NULL) {
        return true;
    }
    cJSON_DeleteItemFromObject(headers, name);
    return cJSON_AddStringToObject(headers, name, value) != NULL;
}

/* Adds the body's digest to the query, so that the signed URL covers a body that is not a form. */
static enum error_code cover_body(struct span body, struct buf *path, struct error *error)
{
    unsigned char digest[SECRET_KEY_DIGEST_BYTES];
    char hex[2 * SECRET_KEY_DIGEST_BYTES + 1] = "";

    if (!secret_key_digest(body, digest)) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    text_write_hex(digest, sizeof digest, hex);
    buf_printf(path, "%cbodySHA256=%s", memchr(path->data, '?', path->len) == NULL ? '?' : '&', hex);
    return ERROR_NONE;
}

/* Builds the request as the gateway will see it. */
static struct request view(const cJSON *headers, const struct sign_event *event, const struct buf *path)
{
    const char *end = path->len == 0 ? NULL : memchr(path->data, '?', path->len);
    size_t path_len = end == NULL ? path->len : (size_t)(end - path->data);
    const struct url url = url_split(event->url);
    struct request r = {.method = span_of(event->method),
                        .path = {path->data, path_len},
                        .host = url.authority,
                        .https = span_equal(url.scheme, SPAN_LITERAL("https"))};
    const cJSON *header;

    r.query = end == NULL ? SPAN_LITERAL("") : (struct span){end + 1, path->len - path_len - 1};
    cJSON_ArrayForEach(header, headers)
    {
        if (r.header_count < REQUEST_HEADERS_MAX) {
            r.headers[r.header_count].name = span_of(header->string);
            r.headers[r.header_count++].value = span_of(cJSON_GetStringValue(header));
        }
    }
    return r;
}

/* Appends the signature of the pieces by the private key. */
static bool append_private(const struct sign *s, const struct signed_content *content, struct buf *out)
{
    struct buf message = {0};
    bool fine;

    for (size_t i = 0; i < content->piece_count; i++) {
        buf_append_span(&message, content->pieces[i]);
    }
    fine = !message.failed && private_key_sign(s->private, buf_span(&message), content->encoding, out);
    buf_free(&message);
    return fine;
}

static bool append_mac(const struct sign *s, const struct signed_content *content, struct buf *out)
{
    char text[2 * SECRET_KEY_MAC_MAX];
    struct secret_key_mac mac;
    size_t len;

    if (!secret_key_authenticate(s->rule.keys[0], content->pieces, content->piece_count, &mac)) {
        return false;
    }
    encoding_write(content->encoding, mac.bytes, mac.len, text);
    len = encoding_length(content->encoding, mac.len);
    while (content->encoding == ENCODING_BASE64URL && text[len - 1] == '=') {
        len--; /* whoever signs in base64url leaves the padding out */
    }
    buf_append(out, text, len);
    return true;
}

/* Appends the signature of the request. */
static enum error_code append_signature(const struct sign *s, const struct sign_event *event,
                                        const struct request *request, struct buf *out, struct error *error)
{
    struct signed_content content = {.text = {0}};
    enum verify_cause cause = signed_content_read(&content, &s->rule, request, event->body, event->now_s);

    out->failed |= cause != VERIFY_FINE ||
                   !(s->private != NULL ? append_private(s, &content, out) : append_mac(s, &content, out));
    signed_content_free(&content);
    return out->failed ? error_set(error, ERROR_MALFORMED, "an event with these headers can't be signed: %s",
                                   verify_cause_label(cause))
                       : ERROR_NONE;
}

static void append_token(const struct sign *s, struct buf *out)
{
    struct buf pair = {0};

    if (s->scheme->key != SCHEME_KEY_PASSWORD) {
        buf_append_span(out, buf_span(&s->secret));
        return;
    }
    buf_printf(&pair, "%s:", s->rule.user);
    buf_append_span(&pair, buf_span(&s->secret));
    if (!pair.failed && buf_reserve(out, encoding_length(ENCODING_BASE64, pair.len))) {
        encoding_write(ENCODING_BASE64, (const unsigned char *)pair.data, pair.len, out->data + out->len);
        out->len += encoding_length(ENCODING_BASE64, pair.len);
    }
    out->failed |= pair.failed;
    secret_wipe(pair.data, pair.capacity);
    buf_free(&pair);
}

static void append_mark(const struct sign *s, int64_t now_s, struct buf *out)
{
    if (s->scheme->content == SCHEME_SIGNS_T_BODY) {
        buf_printf(out, "t=%" PRId64 ",v1=", now_s);
    } else if (s->private != NULL && s->scheme->key == SCHEME_KEY_BASE64) {
        buf_append_text(out, "v1a,");
    } else if (s->scheme->content == SCHEME_SIGNS_DECLARED) {
        declared_mark(&s->rule, now_s, out);
    } else {
        buf_append_text(out, scheme_mark(&s->rule));
    }
}

/* Returns the content type: a form's if the scheme signs forms, unless the body is JSON. */
static const char *kind_of(const struct scheme *p, struct span body)
{
    bool json =
        p->content == SCHEME_SIGNS_URL_FORM && body.len > 0 && (body.data[0] == '{' || body.data[0] == '[');

    return json ? "application/json" : p->sent.kind;
}

static bool put_all_but_proof(const struct sign *s, const struct sign_event *event, cJSON *headers)
{
    const struct scheme *p = s->scheme;
    struct buf id = {0}, time = {0};
    bool fine;

    buf_append_span(&id, event->id);
    buf_printf(&time, "%" PRId64, event->now_s);
    fine = !id.failed && !time.failed && put(headers, p->sent.id, buf_text(&id)) &&
           put(headers, p->reads[SCHEME_READS_TIME], buf_text(&time)) &&
           declared_headers(&s->rule.declaration, event, headers);
    if (fine && p->sent.event != NULL && !cJSON_HasObjectItem(headers, p->sent.event)) {
        fine = put(headers, p->sent.event, kind_of(p, event->body));
    }
    buf_free(&id);
    buf_free(&time);
    return fine;
}

/* Adds the signature header. proof: the text before the signature. */
static enum error_code add_signature(const struct sign *s, const struct sign_event *event, struct buf *path,
                                     cJSON *headers, const char *header, struct buf *proof,
                                     struct error *error)
{
    enum error_code code = ERROR_NONE;
    size_t mark_len = proof->len;
    struct request request;

    buf_append_text(proof, PLACEHOLDER);
    if (!put(headers, header, buf_text(proof))) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    request = view(headers, event, path);
    if (s->scheme->content == SCHEME_SIGNS_URL_FORM && event->body.len > 0 && !twilio_is_form(&request)) {
        code = cover_body(event->body, path, error);
        request = view(headers, event, path);
    }
    proof->len = mark_len;
    return code == ERROR_NONE ? append_signature(s, event, &request, proof, error) : code;
}

enum error_code sign_headers(const struct sign *s, const struct sign_event *event, struct buf *path,
                             cJSON *headers, struct error *error)
{
    const char *header = scheme_header(&s->rule, SCHEME_READS_PROOF);
    enum error_code code = ERROR_NONE;
    struct buf proof = {0};

    append_mark(s, event->now_s, &proof);
    if (!put_all_but_proof(s, event, headers)) {
        code = error_set(error, ERROR_MEMORY, "out of memory");
    } else if (s->scheme->content == SCHEME_SENDS_SECRET) {
        append_token(s, &proof);
    } else {
        code = add_signature(s, event, path, headers, header, &proof, error);
    }
    if (code == ERROR_NONE && (proof.failed || path->failed || !put(headers, header, buf_text(&proof)))) {
        code = error_set(error, ERROR_MEMORY, "out of memory");
    }
    secret_wipe(proof.data, proof.capacity);
    buf_free(&proof);
    return code;
}
