/* SPDX-License-Identifier: MIT */
#include "declared_content.h"

#include "signed_parts.h"
#include "text.h"
#include "url.h"

#include <string.h>

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
    *rest = signed_parts_behind(*rest, len + (len < rest->len));
    return true;
}

/* Sets *value to what follows "name=". */
static bool is_field(struct span field, const char *name, struct span *value)
{
    size_t len = name == NULL ? 0 : strlen(name);

    if (name == NULL || !text_begins(field, name) || field.len == len || field.data[len] != '=') {
        return false;
    }
    *value = signed_parts_behind(field, len + 1);
    return true;
}

/* The fields of the signature header: signatures, and the time, which may be there once. */
static enum verify_cause read_fields(const struct signed_request *s, struct signed_content *content,
                                     struct span list, struct span *time)
{
    const struct declaration *d = &s->rule->declaration;
    enum verify_cause cause = VERIFY_FINE;
    struct span field, value;
    size_t times = 0;

    while (cause == VERIFY_FINE && next_field(&list, &field)) {
        if (is_field(field, d->field, &value)) {
            cause = signed_parts_add_signature(s, content, value, "");
        } else if (is_field(field, d->time_field, &value)) {
            *time = value;
            times++;
        }
    }
    return cause == VERIFY_FINE && times > 1 ? VERIFY_MALFORMED : cause;
}

static enum verify_cause add_part(const struct signed_request *s, const struct declaration_part *part,
                                  struct span time, struct signed_content *content)
{
    const struct url url = url_split(s->rule->url == NULL ? "" : s->rule->url);
    struct span value;
    enum verify_cause cause;

    switch (part->kind) {
    case DECLARATION_TIME:
        signed_parts_add(content, time);
        break;
    case DECLARATION_METHOD:
        signed_parts_add(content, s->request->method);
        break;
    case DECLARATION_URL:
        signed_parts_add_origin(s, content);
        signed_parts_add_target(s, content);
        break;
    case DECLARATION_HOST:
        signed_parts_add(content, s->rule->url == NULL ? s->request->host : url.authority);
        break;
    case DECLARATION_PATH:
        signed_parts_add(content, url.rest); /* the prefix that a proxy removes */
        signed_parts_add(content, s->request->path);
        break;
    case DECLARATION_QUERY:
        signed_parts_add(content, s->request->query);
        break;
    case DECLARATION_BODY:
        signed_parts_add(content, s->body);
        break;
    case DECLARATION_TEXT:
        signed_parts_add(content, span_of(part->text));
        break;
    case DECLARATION_ID:
    case DECLARATION_HEADER:
        cause = signed_content_find(s->request, part->text, &value);
        signed_parts_add(content, value);
        return cause;
    }
    return VERIFY_FINE;
}

enum verify_cause declared_content_read(const struct signed_request *s, struct signed_content *content)
{
    const struct declaration *d = &s->rule->declaration;
    struct span list, time = {"", 0};
    enum verify_cause cause = signed_content_header(s->rule, s->request, SCHEME_READS_PROOF, &list);

    if (cause == VERIFY_FINE && d->field != NULL) {
        cause = read_fields(s, content, list, &time);
    } else if (cause == VERIFY_FINE) {
        cause = signed_parts_add_signature(s, content, list, scheme_mark(s->rule));
    }
    if (cause == VERIFY_FINE && d->time_header != NULL) {
        cause = signed_content_find(s->request, d->time_header, &time);
    }
    if (cause == VERIFY_FINE && (d->time_header != NULL || d->time_field != NULL)) {
        cause = signed_parts_time(s, time);
    }
    for (size_t i = 0; cause == VERIFY_FINE && i < d->part_count; i++) {
        cause = add_part(s, &d->parts[i], time, content);
    }
    if (d->part_count == 0) {
        signed_parts_add(content, s->body);
    }
    return cause;
}
