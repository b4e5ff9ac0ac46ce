/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include "clock.h"
#include "field.h"
#include "properties.h"

#include <string.h>

#define DELIVERY_MODE_PERSISTENT 2
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

struct text_member {
    const char *name;
    size_t offset;
    size_t least, most; /* length in bytes */
    bool optional;      /* absent when empty */
};

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
    {header, offsetof(struct envelope, member), least, most, optional},
static const struct text_member text_members[] = {TEXT_MEMBERS_OF_VERSION_1(TEXT)};
#undef TEXT
#define TEXT_MEMBERS (sizeof text_members / sizeof text_members[0])

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
                       NUMBER_FIELD("sluice-attempt") +
                       TEXT_FIELD("sluice-headers", ENVELOPE_HEADER_BYTES_MAX) +
                       ENVELOPE_HEADERS_MAX * TEXT_FIELD("", 0) + 1 + SHORT_STRING(ENVELOPE_ID_MAX) + 8 +
                       SHORT_STRING(sizeof "sluice" - 1),
               "ENVELOPE_PROPERTIES_MAX is the sum of the members' limits");

static struct span *text_of(struct envelope *e, const struct text_member *member)
{
    return (struct span *)(void *)((char *)e + member->offset);
}

static struct span text_in(const struct envelope *e, const struct text_member *member)
{
    struct span text;

    memcpy(&text, (const char *)e + member->offset, sizeof text);
    return text;
}

static const char *keep_name(enum envelope_keep keep)
{
    switch (keep) {
    case ENVELOPE_KEEP_NEWEST:
        return "newest";
    case ENVELOPE_KEEP_FIRST:
        return "first";
    }
    return "";
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

static enum error_code check(const struct envelope *e, struct error *error)
{
    enum error_code code = check_text("the id", e->id, 1, ENVELOPE_ID_MAX, error);

    for (size_t i = 0; code == ERROR_NONE && i < TEXT_MEMBERS; i++) {
        const struct text_member *m = &text_members[i];

        code = check_text(m->name, text_in(e, m), m->least, m->most, error);
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

static void put_headers(struct buf *out, const struct envelope *e)
{
    size_t table = field_begin_table(out);

    field_put_number(out, "sluice-version", ENVELOPE_VERSION);
    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        struct span text = text_in(e, &text_members[i]);

        if (text.len > 0 || !text_members[i].optional) {
            field_put_text(out, span_of(text_members[i].name), text);
        }
    }
    field_put_text(out, SPAN_LITERAL("sluice-keep"), span_of(keep_name(e->keep)));
    field_put_number(out, "sluice-received", e->received_us);
    field_put_number(out, "sluice-attempt", e->attempt);

    field_put_short_string(out, SPAN_LITERAL("sluice-headers"));
    buf_append_char(out, 'F');
    size_t kept = field_begin_table(out);
    for (size_t i = 0; i < e->header_count; i++) {
        field_put_text(out, e->headers[i].name, e->headers[i].value);
    }
    field_end_table(out, kept);
    field_end_table(out, table);
}

enum error_code envelope_encode(const struct envelope *e, struct buf *out, struct error *error)
{
    unsigned flags = PROPERTY_HEADERS | PROPERTY_DELIVERY_MODE | PROPERTY_MESSAGE_ID | PROPERTY_TIMESTAMP |
                     PROPERTY_APP_ID;
    size_t before = out->len;
    bool with_type = e->content_type.len > 0 && e->content_type.len <= ENVELOPE_CONTENT_TYPE_MAX;
    enum error_code code = check(e, error);

    if (code != ERROR_NONE) {
        return code;
    }
    if (with_type) {
        flags |= PROPERTY_CONTENT_TYPE;
    }
    field_put_integer(out, flags, 2);
    if (with_type) {
        field_put_short_string(out, e->content_type);
    }
    put_headers(out, e);
    field_put_integer(out, DELIVERY_MODE_PERSISTENT, 1);
    field_put_short_string(out, e->id);
    field_put_integer(out, (uint64_t)(e->received_us / CLOCK_US_PER_S), 8);
    field_put_short_string(out, SPAN_LITERAL("sluice"));
    if (!out->failed && out->len - before <= ENVELOPE_PROPERTIES_MAX) {
        return ERROR_NONE;
    }
    code = out->failed ? error_set(error, ERROR_MEMORY, "no memory for an envelope")
                       : error_set(error, ERROR_LIMIT, "the envelope has %zu bytes; at most %d are allowed",
                                   out->len - before, ENVELOPE_PROPERTIES_MAX);
    out->len = before;
    return code;
}

static enum error_code decode_kept_headers(struct span table, struct envelope *e, struct error *error)
{
    struct field_cursor c = {table.data, table.len, false};
    struct field f;

    e->header_count = 0;
    while (field_take(&c, &f)) {
        if (f.kind != FIELD_TEXT) {
            return error_set(error, ERROR_MALFORMED, "a member of sluice-headers is not text");
        }
        if (e->header_count == ENVELOPE_HEADERS_MAX) {
            return error_set(error, ERROR_MALFORMED, "sluice-headers contains more than %d headers",
                             ENVELOPE_HEADERS_MAX);
        }
        e->headers[e->header_count++] = (struct envelope_header){f.name, f.bytes};
    }
    return c.broken ? error_set(error, ERROR_MALFORMED, "sluice-headers is truncated") : ERROR_NONE;
}

/* The members that aren't text. Each has a bit in `seen`. */
enum member {
    MEMBER_VERSION = 1,
    MEMBER_RECEIVED = 2,
    MEMBER_ATTEMPT = 4,
    MEMBER_KEEP = 8,
    MEMBER_HEADERS = 16
};
#define MEMBERS_OF_VERSION_1 \
    (MEMBER_VERSION | MEMBER_RECEIVED | MEMBER_ATTEMPT | MEMBER_KEEP | MEMBER_HEADERS)

static enum error_code decode_keep(struct span value, struct envelope *e, struct error *error)
{
    if (span_equal(value, SPAN_LITERAL("newest"))) {
        e->keep = ENVELOPE_KEEP_NEWEST;
    } else if (span_equal(value, SPAN_LITERAL("first"))) {
        e->keep = ENVELOPE_KEEP_FIRST;
    } else {
        return error_set(error, ERROR_MALFORMED, "sluice-keep is neither newest nor first");
    }
    return ERROR_NONE;
}

static enum error_code decode_member(const struct field *f, struct envelope *e, unsigned *seen,
                                     struct error *error)
{
    const struct {
        struct span name;
        enum field_kind kind;
        enum member member;
        int64_t *number;
    } others[] = {
        {SPAN_LITERAL("sluice-version"), FIELD_NUMBER, MEMBER_VERSION, &(int64_t){0}},
        {SPAN_LITERAL("sluice-received"), FIELD_NUMBER, MEMBER_RECEIVED, &e->received_us},
        {SPAN_LITERAL("sluice-attempt"), FIELD_NUMBER, MEMBER_ATTEMPT, &e->attempt},
        {SPAN_LITERAL("x-delivery-count"), FIELD_NUMBER, 0, &e->delivery_count},
        {SPAN_LITERAL("x-death"), FIELD_ARRAY, 0, NULL},
        {SPAN_LITERAL("sluice-keep"), FIELD_TEXT, MEMBER_KEEP, NULL},
        {SPAN_LITERAL("sluice-headers"), FIELD_TABLE, MEMBER_HEADERS, NULL},
    };

    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        if (f->kind == FIELD_TEXT && span_equal(f->name, span_of(text_members[i].name))) {
            *text_of(e, &text_members[i]) = f->bytes;
            return ERROR_NONE;
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (f->kind != others[i].kind || !span_equal(f->name, others[i].name)) {
            continue;
        }
        *seen |= (unsigned)others[i].member;
        if (others[i].kind == FIELD_NUMBER) {
            *others[i].number = f->number;
        }
        if (others[i].kind == FIELD_ARRAY) {
            e->deaths = f->bytes;
        }
        if (others[i].member == MEMBER_KEEP) {
            return decode_keep(f->bytes, e, error);
        }
        if (others[i].member == MEMBER_HEADERS) {
            return decode_kept_headers(f->bytes, e, error);
        }
        return ERROR_NONE;
    }
    return ERROR_NONE; /* set by the broker or another program: ignored */
}

/* Must run first: a later version may change anything, even the members' types. A missing version is left for
 * decode_headers to report. */
static enum error_code check_version(struct span table, struct error *error)
{
    struct field_cursor c = {table.data, table.len, false};
    struct field f;

    while (field_take(&c, &f)) {
        if (f.kind != FIELD_NUMBER || !span_equal(f.name, SPAN_LITERAL("sluice-version")) ||
            f.number == ENVELOPE_VERSION) {
            continue;
        }
        return error_set(error, f.number > ENVELOPE_VERSION ? ERROR_NEWER : ERROR_MALFORMED,
                         "envelope version %lld; this program supports up to %d", (long long)f.number,
                         ENVELOPE_VERSION);
    }
    return ERROR_NONE;
}

static enum error_code decode_headers(struct span table, struct envelope *e, struct error *error)
{
    struct field_cursor c = {table.data, table.len, false};
    struct field f;
    unsigned seen = 0;

    while (field_take(&c, &f)) {
        enum error_code code = decode_member(&f, e, &seen, error);

        if (code != ERROR_NONE) {
            return code;
        }
    }
    if (c.broken) {
        return error_set(error, ERROR_MALFORMED, "the headers are truncated or contain an unknown type");
    }
    if ((seen & MEMBERS_OF_VERSION_1) != MEMBERS_OF_VERSION_1) {
        return error_set(
            error, ERROR_MALFORMED,
            "one of sluice-version, -received, -attempt, -keep, -headers is missing or has the wrong "
            "type; was this message published by a gateway?");
    }
    return ERROR_NONE;
}

/* A content type too long for the property is found among the kept headers. */
static void content_type_from_headers(struct envelope *e)
{
    for (size_t i = 0; e->content_type.len == 0 && i < e->header_count; i++) {
        if (span_equal(e->headers[i].name, SPAN_LITERAL("content-type"))) {
            e->content_type = e->headers[i].value;
        }
    }
}

enum error_code envelope_decode(struct span properties, struct envelope *e, struct error *error)
{
    struct properties parts;
    enum error_code code = properties_read(properties, &parts, error);

    /* The views must not be NULL: callers pass them to memcpy and libpq unchecked. */
    *e = (struct envelope){.id = parts.message_id, .content_type = parts.content_type, .deaths = {"", 0}};
    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        *text_of(e, &text_members[i]) = (struct span){"", 0};
    }
    if (code == ERROR_NONE) {
        code = check_version(parts.headers, error);
    }
    if (code == ERROR_NONE) {
        code = decode_headers(parts.headers, e, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    content_type_from_headers(e);
    if (check(e, error) != ERROR_NONE) {
        return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

void envelope_append_headers_json(const struct envelope *e, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < e->header_count; i++) {
        if (i > 0) {
            buf_append_char(out, ',');
        }
        buf_append_json(out, e->headers[i].name);
        buf_append_char(out, ':');
        buf_append_json(out, e->headers[i].value);
    }
    buf_append_char(out, '}');
}
