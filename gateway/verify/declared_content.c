/* SPDX-License-Identifier: MIT */
#include "declared_content.h"

#include "gateway/event/json_pointer.h"
#include "gateway/event/json_scan.h"
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

/* --- within the body ------------------------------------------------------------------ */

#define VALUE_MAX 1024 /* bytes of a value that is signed; providers sign ids, amounts and names */

/* What is found in the request: the time, and the values of the pointers. */
struct found {
    struct span time;
    struct json_pointer_want wants[JSON_POINTERS_MAX]; /* in the order of their use */
    size_t count, next;
};

_Static_assert(DECLARATION_PARTS_MAX + 3 <= JSON_POINTERS_MAX, "parts, signature, time and next item");

static void want(struct found *found, const char *pointer)
{
    if (pointer != NULL) {
        found->wants[found->count++].pointer = span_of(pointer);
    }
}

/* Reads all pointers in one pass over the body. It is read as it came: a compressed body, which may be
 * inflated only after it is verified, is no JSON. */
static void find_values(const struct signed_request *s, struct found *found)
{
    const struct declaration *d = &s->rule->declaration;

    want(found, d->pointer);
    want(found, d->next_item);
    want(found, d->time_pointer);
    for (size_t i = 0; i < d->part_count; i++) {
        want(found, d->parts[i].kind == DECLARATION_POINTER ? d->parts[i].text : NULL);
    }
    if (found->count > 0) {
        json_pointer_find_all(s->body, found->wants, found->count);
    }
}

/* Sets *value to a string's text or a number as it is written; empty when it is absent, as providers sign it.
 */
static enum verify_cause take_value(const struct json_pointer_want *found, struct signed_content *content,
                                    struct span *value)
{
    struct buf *text = &content->text;
    size_t begin = text->len;

    *value = found->raw;
    switch (found->result) {
    case JSON_POINTER_ABSENT:
        return VERIFY_FINE;
    case JSON_POINTER_OTHER:
    case JSON_POINTER_AMBIGUOUS:
    case JSON_POINTER_NO_JSON:
        return VERIFY_MALFORMED;
    case JSON_POINTER_NUMBER:
    case JSON_POINTER_STRING:
        break;
    }
    if (value->len > VALUE_MAX) {
        return VERIFY_MALFORMED;
    }
    if (found->result == JSON_POINTER_NUMBER || value->len == 0 ||
        memchr(value->data, '\\', value->len) == NULL) {
        return VERIFY_FINE;
    }
    /* All at once, since the views into the text must stay valid: a text is never longer than its escapes. */
    if (text->capacity == 0 && !buf_reserve(text, JSON_POINTERS_MAX * VALUE_MAX)) {
        return VERIFY_MEMORY;
    }
    if (!json_scan_unescape(found->raw, text)) {
        return text->failed ? VERIFY_MEMORY : VERIFY_MALFORMED;
    }
    *value = (struct span){text->data + begin, text->len - begin};
    return VERIFY_FINE;
}

/* The same for a value that must be there. */
static enum verify_cause take_needed(struct found *found, struct signed_content *content, struct span *value)
{
    enum verify_cause cause = take_value(&found->wants[found->next++], content, value);

    return cause == VERIFY_FINE && value->len == 0 ? VERIFY_MISSING : cause;
}

/* --- all parts ------------------------------------------------------------------------- */

static enum verify_cause add_part(const struct signed_request *s, const struct declaration_part *part,
                                  struct found *found, struct signed_content *content)
{
    const struct url url = url_split(s->rule->url == NULL ? "" : s->rule->url);
    struct span value = {"", 0};
    enum verify_cause cause;

    switch (part->kind) {
    case DECLARATION_TIME:
        signed_parts_add(content, found->time);
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
    case DECLARATION_POINTER:
        cause = take_value(&found->wants[found->next++], content, &value);
        signed_parts_add(content, value);
        return cause;
    case DECLARATION_ID:
    case DECLARATION_HEADER:
        cause = signed_content_find(s->request, part->text, &value);
        signed_parts_add(content, value);
        return cause;
    }
    return VERIFY_FINE;
}

/* Takes the signatures, from the header or the body. */
static enum verify_cause take_signatures(const struct signed_request *s, struct found *found,
                                         struct signed_content *content)
{
    const struct declaration *d = &s->rule->declaration;
    struct span list;
    enum verify_cause cause = d->pointer != NULL
                                  ? take_needed(found, content, &list)
                                  : signed_content_header(s->rule, s->request, SCHEME_READS_PROOF, &list);

    if (cause == VERIFY_FINE && d->next_item != NULL &&
        found->wants[found->next++].result != JSON_POINTER_ABSENT) {
        return VERIFY_MALFORMED;
    }
    if (cause == VERIFY_FINE && d->field != NULL) {
        return read_fields(s, content, list, &found->time);
    }
    return cause == VERIFY_FINE ? signed_parts_add_signature(s, content, list, scheme_mark(s->rule)) : cause;
}

static enum verify_cause take_time(const struct signed_request *s, struct found *found,
                                   struct signed_content *content)
{
    const struct declaration *d = &s->rule->declaration;
    enum verify_cause cause = VERIFY_FINE;

    if (d->time_header != NULL) {
        cause = signed_content_find(s->request, d->time_header, &found->time);
    } else if (d->time_pointer != NULL) {
        cause = take_needed(found, content, &found->time);
    } else if (d->time_field == NULL) {
        return VERIFY_FINE; /* no time is signed */
    }
    return cause == VERIFY_FINE ? signed_parts_time(s, found->time) : cause;
}

enum verify_cause declared_content_read(const struct signed_request *s, struct signed_content *content)
{
    const struct declaration *d = &s->rule->declaration;
    struct found found = {.time = {"", 0}};
    enum verify_cause cause;

    find_values(s, &found);
    cause = take_signatures(s, &found, content);
    cause = cause == VERIFY_FINE ? take_time(s, &found, content) : cause;
    for (size_t i = 0; cause == VERIFY_FINE && i < d->part_count; i++) {
        cause = add_part(s, &d->parts[i], &found, content);
    }
    if (d->part_count == 0) {
        signed_parts_add(content, s->body);
    }
    return cause;
}
