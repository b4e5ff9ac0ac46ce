/* SPDX-License-Identifier: MIT */
#include "envelope_check.h"

#include "trace_context.h"

#include <string.h>

#define SHORT_STRING_MAX 255
#define ATTEMPT_MAX 1000000
/* 9999-12-31T23:59:59.999999Z, the last time with a four-digit year. */
#define RECEIVED_MAX_US INT64_C(253402300799999999)

bool envelope_source_valid(struct span source)
{
    if (source.len < 1 || source.len > ENVELOPE_SOURCE_MAX || source.data[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < source.len; i++) {
        char c = source.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}

/* X(header, member, least, most, optional): the members that are sent as text headers, in the order of
 * version 1. */
#define TEXT_MEMBERS_OF_VERSION_1(X)                          \
    X("sluice-source", source, 1, ENVELOPE_SOURCE_MAX, false) \
    X("sluice-method", method, 1, SHORT_STRING_MAX, false)    \
    X("sluice-path", path, 1, ENVELOPE_TARGET_MAX, false)     \
    X("sluice-query", query, 0, ENVELOPE_TARGET_MAX, false)   \
    X("sluice-remote", remote, 0, SHORT_STRING_MAX, false)    \
    X("sluice-traceparent", traceparent, 0, SHORT_STRING_MAX, true)

#define TEXT(header, member, least, most, optional) \
    {{header, sizeof(header) - 1}, offsetof(struct envelope, member), least, most, optional},
const struct envelope_text envelope_texts[] = {TEXT_MEMBERS_OF_VERSION_1(TEXT)};
#undef TEXT
_Static_assert(sizeof envelope_texts / sizeof envelope_texts[0] == ENVELOPE_TEXTS,
               "ENVELOPE_TEXTS counts them");

/* The encoded size of each part of the largest envelope, in the order of envelope_encode. */
#define SHORT_STRING(most) (1 + (most))
#define FIELD(name, most) (SHORT_STRING(sizeof(name) - 1) + 1 + (most)) /* name, type letter, value */
#define NUMBER_FIELD(name) FIELD(name, 8)
#define TEXT_FIELD(name, most) FIELD(name, 4 + (most))
#define TEXT_SIZE(header, member, least, most, optional) \
    +TEXT_FIELD(header, most) /* NOLINT(*-macro-parentheses) */
_Static_assert(ENVELOPE_PROPERTIES_MAX ==
                   2 + SHORT_STRING(ENVELOPE_CONTENT_TYPE_MAX) + 4 + NUMBER_FIELD("sluice-version") +
                       (0 TEXT_MEMBERS_OF_VERSION_1(TEXT_SIZE)) +
                       TEXT_FIELD("sluice-keep", sizeof "newest" - 1) + NUMBER_FIELD("sluice-received") +
                       NUMBER_FIELD("sluice-attempt") + NUMBER_FIELD("sluice-order") +
                       NUMBER_FIELD("sluice-replayed") + TEXT_FIELD("traceparent", TRACE_PARENT_MAX) +
                       TEXT_FIELD("tracestate", TRACE_STATE_MAX) +
                       TEXT_FIELD("sluice-headers", ENVELOPE_HEADER_BYTES_MAX) +
                       ENVELOPE_HEADERS_MAX * TEXT_FIELD("", 0) + 1 + SHORT_STRING(ENVELOPE_ID_MAX) + 8 +
                       SHORT_STRING(sizeof "sluice" - 1),
               "ENVELOPE_PROPERTIES_MAX is the sum of the members' limits");

struct span *envelope_text_of(struct envelope *e, const struct envelope_text *member)
{
    return (struct span *)(void *)((char *)e + member->offset);
}

struct span envelope_text_in(const struct envelope *e, const struct envelope_text *member)
{
    struct span text;

    memcpy(&text, (const char *)e + member->offset, sizeof text);
    return text;
}

static enum error_code check_text(const char *name, struct span text, size_t least, size_t most,
                                  struct error *error)
{
    if (text.len < least || text.len > most) {
        return error_set(error, ERROR_LIMIT, "%s has %zu bytes; %zu to %zu are allowed", name, text.len,
                         least, most);
    }
    if (!span_is_text(text)) {
        return error_set(error, ERROR_MALFORMED, "%s is not UTF-8 or contains a NUL", name);
    }
    return ERROR_NONE;
}

static enum error_code check_headers(const struct envelope *e, struct error *error)
{
    size_t bytes = 0;

    for (size_t i = 0; i < e->header_count; i++) {
        const struct envelope_header *h = &e->headers[i];
        enum error_code code = check_text("a header's name", h->name, 1, SHORT_STRING_MAX, error);

        if (code == ERROR_NONE) {
            code = check_text("a header's value", h->value, 0, ENVELOPE_HEADER_BYTES_MAX, error);
        }
        if (code != ERROR_NONE) {
            return code;
        }
        bytes += h->name.len + h->value.len;
    }
    if (bytes > ENVELOPE_HEADER_BYTES_MAX) {
        return error_set(error, ERROR_LIMIT, "the kept headers have %zu bytes; at most %d are allowed", bytes,
                         ENVELOPE_HEADER_BYTES_MAX);
    }
    return ERROR_NONE;
}

enum error_code envelope_check(const struct envelope *e, struct error *error)
{
    enum error_code code = check_text("the id", e->id, 1, ENVELOPE_ID_MAX, error);

    for (size_t i = 0; code == ERROR_NONE && i < ENVELOPE_TEXTS; i++) {
        const struct envelope_text *m = &envelope_texts[i];

        code = check_text(m->name.data, envelope_text_in(e, m), m->least, m->most, error);
    }
    if (code == ERROR_NONE) {
        code = check_text("content_type", e->content_type, 0, ENVELOPE_HEADER_BYTES_MAX, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (!envelope_source_valid(e->source)) {
        return error_set(error, ERROR_MALFORMED, "the source '%.*s' may only contain a-z, 0-9 and '-'",
                         (int)e->source.len, e->source.data);
    }
    if (e->received_us < 0 || e->received_us > RECEIVED_MAX_US) {
        return error_set(error, ERROR_LIMIT, "sluice-received %lld is not between 1970 and 9999",
                         (long long)e->received_us);
    }
    if (e->attempt < 0 || e->attempt > ATTEMPT_MAX) {
        return error_set(error, ERROR_LIMIT, "sluice-attempt %lld is not between 0 and %d",
                         (long long)e->attempt, ATTEMPT_MAX);
    }
    return check_headers(e, error);
}
