/* SPDX-License-Identifier: MIT */
#include "signed_content.h"

#include "text.h"
#include "twilio.h"
#include "url.h"

#include <string.h>

/* The input of the functions below. */
struct source {
    const struct verify_rule *rule;
    const struct scheme *scheme;
    const struct request *request;
    struct span body;
    int64_t now_s;
};

/* Sets *value to the header's, which must be present once and not be empty. */
static enum verify_cause find_header(const struct request *request, const char *name, struct span *value)
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
        return find_header(request, scheme_header(rule, what), value);
    }
    return has_any(rule, request, scheme_header)
               ? VERIFY_MIXED
               : find_header(request, scheme_other_header(rule, what), value);
}

static enum verify_cause read_header(const struct source *s, enum scheme_reads what, struct span *value)
{
    return signed_content_header(s->rule, s->request, what, value);
}

static enum verify_cause check_time(const struct source *s, struct span text)
{
    int64_t then;

    if (!timestamp_read(s->rule->declaration.unit, text, &then)) {
        return VERIFY_TIME;
    }
    if (s->now_s - then > s->rule->tolerance_s) {
        return VERIFY_OLD;
    }
    return then - s->now_s > s->rule->tolerance_s ? VERIFY_EARLY : VERIFY_FINE;
}

static void add_piece(struct signed_content *content, struct span piece)
{
    content->pieces[content->piece_count++] = piece;
}

static struct span behind(struct span text, size_t len)
{
    return (struct span){text.data + len, text.len - len};
}

/* Adds the text after the prefix as a signature. */
static enum verify_cause add_signature(struct signed_content *content, struct span text, const char *prefix)
{
    if (!text_begins(text, prefix) || content->signature_count == SIGNED_CONTENT_SIGNATURES_MAX) {
        return VERIFY_MALFORMED;
    }
    content->signatures[content->signature_count++] = behind(text, strlen(prefix));
    return VERIFY_FINE;
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
    *rest = behind(*rest, len + (end != NULL));
    return true;
}

/* webhook-signature: "v1,..." and "v1a,...", separated by spaces; other versions are skipped. */
static enum verify_cause read_versions(struct signed_content *content, struct span list)
{
    enum verify_cause cause = VERIFY_FINE;
    struct span part;

    while (cause == VERIFY_FINE && next_part(&list, ' ', &part)) {
        if (text_begins(part, "v1,")) {
            cause = add_signature(content, part, "v1,");
        } else if (text_begins(part, "v1a,") && content->public_count == SIGNED_CONTENT_PUBLIC_MAX) {
            cause = VERIFY_MALFORMED;
        } else if (text_begins(part, "v1a,")) {
            content->public_signatures[content->public_count++] = behind(part, sizeof "v1a," - 1);
        }
    }
    return cause;
}

static enum verify_cause read_standard(const struct source *s, struct signed_content *content)
{
    struct span id, time, list;
    enum verify_cause cause = read_header(s, SCHEME_READS_ID, &id);

    cause = cause == VERIFY_FINE ? read_header(s, SCHEME_READS_TIME, &time) : cause;
    cause = cause == VERIFY_FINE ? read_header(s, SCHEME_READS_PROOF, &list) : cause;
    cause = cause == VERIFY_FINE ? check_time(s, time) : cause;
    if (cause != VERIFY_FINE) {
        return cause;
    }
    if (memchr(id.data, '.', id.len) != NULL) {
        return VERIFY_MALFORMED; /* the content could also be that of a different id and time */
    }
    add_piece(content, id);
    add_piece(content, SPAN_LITERAL("."));
    add_piece(content, time);
    add_piece(content, SPAN_LITERAL("."));
    add_piece(content, s->body);
    return read_versions(content, list);
}

/* Stripe-Signature: t=...,v1=...,v1=...,v0=... */
static enum verify_cause read_stripe(const struct source *s, struct signed_content *content)
{
    struct span list, part, time = {"", 0};
    enum verify_cause cause = read_header(s, SCHEME_READS_PROOF, &list);
    size_t times = 0;

    while (cause == VERIFY_FINE && next_part(&list, ',', &part)) {
        if (text_begins(part, "t=")) {
            time = behind(part, sizeof "t=" - 1);
            times++;
        } else if (text_begins(part, "v1=")) {
            cause = add_signature(content, part, "v1=");
        }
    }
    if (cause != VERIFY_FINE) {
        return cause;
    }
    add_piece(content, time);
    add_piece(content, SPAN_LITERAL("."));
    add_piece(content, s->body);
    return times > 1 ? VERIFY_MALFORMED : check_time(s, time);
}

/* Slack and Zoom: "v0:timestamp:body". */
static enum verify_cause read_v0(const struct source *s, struct signed_content *content)
{
    struct span time, signature;
    enum verify_cause cause = read_header(s, SCHEME_READS_TIME, &time);

    cause = cause == VERIFY_FINE ? read_header(s, SCHEME_READS_PROOF, &signature) : cause;
    cause = cause == VERIFY_FINE ? check_time(s, time) : cause;
    if (cause != VERIFY_FINE) {
        return cause;
    }
    add_piece(content, SPAN_LITERAL("v0:"));
    add_piece(content, time);
    add_piece(content, SPAN_LITERAL(":"));
    add_piece(content, s->body);
    return add_signature(content, signature, scheme_mark(s->rule));
}

/* One header with the signature of the body. */
static enum verify_cause read_plain(const struct source *s, struct signed_content *content)
{
    struct span signature;
    enum verify_cause cause = read_header(s, SCHEME_READS_PROOF, &signature);

    add_piece(content, s->body);
    return cause == VERIFY_FINE ? add_signature(content, signature, scheme_mark(s->rule)) : cause;
}

/* Adds the URL up to the request's path. */
static void add_origin(const struct source *s, struct signed_content *content)
{
    if (s->rule->url != NULL) {
        add_piece(content, span_of(s->rule->url));
    } else {
        add_piece(content, s->request->https ? SPAN_LITERAL("https://") : SPAN_LITERAL("http://"));
        add_piece(content, s->request->host);
    }
}

/* Adds the request's path, and the query behind a '?' unless it is empty. */
static void add_target(const struct source *s, struct signed_content *content)
{
    add_piece(content, s->request->path);
    add_piece(content, s->request->query.len > 0 ? SPAN_LITERAL("?") : SPAN_LITERAL(""));
    add_piece(content, s->request->query);
}

/* The public URL and the fields of a form. */
static enum verify_cause read_twilio(const struct source *s, struct signed_content *content)
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
    add_origin(s, content);
    add_target(s, content);
    add_piece(content, behind(buf_span(&content->text), host_len));
    return add_signature(content, signature, "");
}

/* --- what a route declares ----------------------------------------------------------- */

static bool ends_field(char c)
{
    return c == ',' || c == ';' || c == ' ';
}

/* Takes the next field of the signature header off *rest, up to a comma, semicolon or space. False at the
 * end. */
static bool next_field(struct span *rest, struct span *field)
{
    size_t len = 0;

    if (rest->len == 0) {
        return false;
    }
    while (len < rest->len && !ends_field(rest->data[len])) {
        len++;
    }
    *field = (struct span){rest->data, len};
    *rest = behind(*rest, len + (len < rest->len));
    return true;
}

/* Sets *value to what follows "name=". */
static bool is_field(struct span field, const char *name, struct span *value)
{
    size_t len = name == NULL ? 0 : strlen(name);

    if (name == NULL || !text_begins(field, name) || field.len == len || field.data[len] != '=') {
        return false;
    }
    *value = behind(field, len + 1);
    return true;
}

/* The fields of the signature header: signatures, and the time, which may be there once. */
static enum verify_cause read_fields(const struct declaration *d, struct signed_content *content,
                                     struct span list, struct span *time)
{
    enum verify_cause cause = VERIFY_FINE;
    struct span field, value;
    size_t times = 0;

    while (cause == VERIFY_FINE && next_field(&list, &field)) {
        if (is_field(field, d->field, &value)) {
            cause = add_signature(content, value, "");
        } else if (is_field(field, d->time_field, &value)) {
            *time = value;
            times++;
        }
    }
    return cause == VERIFY_FINE && times > 1 ? VERIFY_MALFORMED : cause;
}

static enum verify_cause add_part(const struct source *s, const struct declaration_part *part,
                                  struct span time, struct signed_content *content)
{
    const struct url url = url_split(s->rule->url == NULL ? "" : s->rule->url);
    struct span value;
    enum verify_cause cause;

    switch (part->kind) {
    case DECLARATION_TIME:
        add_piece(content, time);
        break;
    case DECLARATION_METHOD:
        add_piece(content, s->request->method);
        break;
    case DECLARATION_URL:
        add_origin(s, content);
        add_target(s, content);
        break;
    case DECLARATION_HOST:
        add_piece(content, s->rule->url == NULL ? s->request->host : url.authority);
        break;
    case DECLARATION_PATH:
        add_piece(content, url.rest); /* the prefix that a proxy removes */
        add_piece(content, s->request->path);
        break;
    case DECLARATION_QUERY:
        add_piece(content, s->request->query);
        break;
    case DECLARATION_BODY:
        add_piece(content, s->body);
        break;
    case DECLARATION_TEXT:
        add_piece(content, span_of(part->text));
        break;
    case DECLARATION_ID:
    case DECLARATION_HEADER:
        cause = find_header(s->request, part->text, &value);
        add_piece(content, value);
        return cause;
    }
    return VERIFY_FINE;
}

static enum verify_cause read_declared(const struct source *s, struct signed_content *content)
{
    const struct declaration *d = &s->rule->declaration;
    struct span list, time = {"", 0};
    enum verify_cause cause = read_header(s, SCHEME_READS_PROOF, &list);

    if (cause == VERIFY_FINE && d->field != NULL) {
        cause = read_fields(d, content, list, &time);
    } else if (cause == VERIFY_FINE) {
        cause = add_signature(content, list, scheme_mark(s->rule));
    }
    if (cause == VERIFY_FINE && d->time_header != NULL) {
        cause = find_header(s->request, d->time_header, &time);
    }
    if (cause == VERIFY_FINE && (d->time_header != NULL || d->time_field != NULL)) {
        cause = check_time(s, time);
    }
    for (size_t i = 0; cause == VERIFY_FINE && i < d->part_count; i++) {
        cause = add_part(s, &d->parts[i], time, content);
    }
    if (d->part_count == 0) {
        add_piece(content, s->body);
    }
    return cause;
}

enum verify_cause signed_content_read(struct signed_content *content, const struct verify_rule *rule,
                                      const struct request *request, struct span body, int64_t now_s)
{
    const struct source s = {rule, scheme_of(rule->scheme), request, body, now_s};

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
        return read_declared(&s, content);
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
