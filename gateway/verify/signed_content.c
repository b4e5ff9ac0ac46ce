/* SPDX-License-Identifier: MIT */
#include "signed_content.h"

#include "declared_content.h"
#include "signed_parts.h"
#include "text.h"
#include "twilio.h"

#include <string.h>

enum verify_cause signed_content_find(const struct request *request, const char *name, struct span *value)
{
    size_t found = request_find(request, name, value);

    if (found > 1) {
        return VERIFY_DUPLICATE;
    }
    return value->len == 0 ? VERIFY_MISSING : VERIFY_FINE;
}

typedef const char *name_of_header(const struct verify_rule *rule, enum scheme_reads what);

/* True when the request has a header with one of these names. */
static bool has_any(const struct verify_rule *rule, const struct request *request, name_of_header *name_of)
{
    for (int what = 0; what < SCHEME_READS; what++) {
        const char *name = name_of(rule, (enum scheme_reads)what);

        if (name != NULL && request_find(request, name, NULL) > 0) {
            return true;
        }
    }
    return false;
}

enum verify_cause signed_content_header(const struct verify_rule *rule, const struct request *request,
                                        enum scheme_reads what, struct span *value)
{
    if (!has_any(rule, request, scheme_other_header)) {
        return signed_content_find(request, scheme_header(rule, what), value);
    }
    return has_any(rule, request, scheme_header)
               ? VERIFY_MIXED
               : signed_content_find(request, scheme_other_header(rule, what), value);
}

static enum verify_cause read_header(const struct signed_request *s, enum scheme_reads what,
                                     struct span *value)
{
    return signed_content_header(s->rule, s->request, what, value);
}

/* Takes the part up to the separator off *rest. False at the end. */
static bool next_part(struct span *rest, char separator, struct span *part)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);

    if (rest->len == 0) {
        return false;
    }
    *part = (struct span){rest->data, len};
    *rest = signed_parts_behind(*rest, len + (end != NULL));
    return true;
}

/* webhook-signature: "v1,..." and "v1a,...", separated by spaces; other versions are skipped. */
static enum verify_cause read_versions(const struct signed_request *s, struct signed_content *content,
                                       struct span list)
{
    enum verify_cause cause = VERIFY_FINE;
    struct span part;

    while (cause == VERIFY_FINE && next_part(&list, ' ', &part)) {
        if (text_begins(part, "v1,")) {
            cause = signed_parts_add_signature(s, content, part, "v1,");
        } else if (text_begins(part, "v1a,") && content->public_count == SIGNED_CONTENT_PUBLIC_MAX) {
            cause = VERIFY_MALFORMED;
        } else if (text_begins(part, "v1a,")) {
            content->public_signatures[content->public_count++] =
                signed_parts_behind(part, sizeof "v1a," - 1);
        }
    }
    return cause;
}

static enum verify_cause read_standard(const struct signed_request *s, struct signed_content *content)
{
    struct span id, time, list;
    enum verify_cause cause = read_header(s, SCHEME_READS_ID, &id);

    cause = cause == VERIFY_FINE ? read_header(s, SCHEME_READS_TIME, &time) : cause;
    cause = cause == VERIFY_FINE ? read_header(s, SCHEME_READS_PROOF, &list) : cause;
    cause = cause == VERIFY_FINE ? signed_parts_time(s, time) : cause;
    if (cause != VERIFY_FINE) {
        return cause;
    }
    if (memchr(id.data, '.', id.len) != NULL) {
        return VERIFY_MALFORMED; /* the content could also be that of a different id and time */
    }
    signed_parts_add(content, id);
    signed_parts_add(content, SPAN_LITERAL("."));
    signed_parts_add(content, time);
    signed_parts_add(content, SPAN_LITERAL("."));
    signed_parts_add(content, s->body);
    return read_versions(s, content, list);
}

/* Stripe-Signature: t=...,v1=...,v1=...,v0=... */
static enum verify_cause read_stripe(const struct signed_request *s, struct signed_content *content)
{
    struct span list, part, time = {"", 0};
    enum verify_cause cause = read_header(s, SCHEME_READS_PROOF, &list);
    size_t times = 0;

    while (cause == VERIFY_FINE && next_part(&list, ',', &part)) {
        if (text_begins(part, "t=")) {
            time = signed_parts_behind(part, sizeof "t=" - 1);
            times++;
        } else if (text_begins(part, "v1=")) {
            cause = signed_parts_add_signature(s, content, part, "v1=");
        }
    }
    if (cause != VERIFY_FINE) {
        return cause;
    }
    signed_parts_add(content, time);
    signed_parts_add(content, SPAN_LITERAL("."));
    signed_parts_add(content, s->body);
    return times > 1 ? VERIFY_MALFORMED : signed_parts_time(s, time);
}

/* Slack and Zoom: "v0:timestamp:body". */
static enum verify_cause read_v0(const struct signed_request *s, struct signed_content *content)
{
    struct span time, signature;
    enum verify_cause cause = read_header(s, SCHEME_READS_TIME, &time);

    cause = cause == VERIFY_FINE ? read_header(s, SCHEME_READS_PROOF, &signature) : cause;
    cause = cause == VERIFY_FINE ? signed_parts_time(s, time) : cause;
    if (cause != VERIFY_FINE) {
        return cause;
    }
    signed_parts_add(content, SPAN_LITERAL("v0:"));
    signed_parts_add(content, time);
    signed_parts_add(content, SPAN_LITERAL(":"));
    signed_parts_add(content, s->body);
    return signed_parts_add_signature(s, content, signature, scheme_mark(s->rule));
}

/* One header with the signature of the body. */
static enum verify_cause read_plain(const struct signed_request *s, struct signed_content *content)
{
    struct span signature;
    enum verify_cause cause = read_header(s, SCHEME_READS_PROOF, &signature);

    signed_parts_add(content, s->body);
    return cause == VERIFY_FINE ? signed_parts_add_signature(s, content, signature, scheme_mark(s->rule))
                                : cause;
}

/* The public URL and the fields of a form. */
static enum verify_cause read_twilio(const struct signed_request *s, struct signed_content *content)
{
    const struct request *r = s->request;
    struct span signature;
    enum verify_cause cause = read_header(s, SCHEME_READS_PROOF, &signature);
    size_t host_len;

    cause = cause == VERIFY_FINE ? twilio_body(r, s->body) : cause;
    twilio_other_host(r, &content->text);
    host_len = content->text.len;
    if (cause == VERIFY_FINE && twilio_is_form(r)) {
        cause = twilio_form(s->body, &content->text);
    }
    if (cause != VERIFY_FINE || content->text.failed) {
        return cause == VERIFY_FINE ? VERIFY_MEMORY : cause;
    }
    if (s->rule->url == NULL) {
        content->other_host = (struct span){content->text.data, host_len};
    }
    signed_parts_add_origin(s, content);
    signed_parts_add_target(s, content);
    signed_parts_add(content, signed_parts_behind(buf_span(&content->text), host_len));
    return signed_parts_add_signature(s, content, signature, "");
}

enum verify_cause signed_content_read(struct signed_content *content, const struct verify_rule *rule,
                                      const struct request *request, struct span body, int64_t now_s)
{
    const struct signed_request s = {rule, scheme_of(rule->scheme), request, body, now_s};

    content->encoding = rule->encoding;
    switch (s.scheme->content) {
    case SCHEME_SIGNS_BODY:
        return read_plain(&s, content);
    case SCHEME_SIGNS_ID_TIME_BODY:
        return read_standard(&s, content);
    case SCHEME_SIGNS_T_BODY:
        return read_stripe(&s, content);
    case SCHEME_SIGNS_V0_TIME_BODY:
        return read_v0(&s, content);
    case SCHEME_SIGNS_DECLARED:
        return declared_content_read(&s, content);
    case SCHEME_SIGNS_URL_FORM:
        return read_twilio(&s, content);
    case SCHEME_SIGNS_NOTHING:
    case SCHEME_SENDS_SECRET:
        break;
    }
    return VERIFY_MALFORMED;
}

void signed_content_free(struct signed_content *content)
{
    buf_free(&content->text);
}
