/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include "clock.h"
#include "envelope_check.h"
#include "field.h"
#include "properties.h"
#include "trace_context.h"

#include <stddef.h>
#include <string.h>

#define DELIVERY_MODE_PERSISTENT 2
#define VERSION_WITH_ORDER 2
#define VERSION_WITH_AGAIN 3
#define TRACEPARENT "traceparent"
#define TRACESTATE "tracestate"

const char *envelope_keep_name(enum envelope_keep keep)
{
    switch (keep) {
    case ENVELOPE_KEEP_NEWEST:
        return "newest";
    case ENVELOPE_KEEP_FIRST:
        return "first";
    case ENVELOPE_KEEP_AGAIN:
        return "again";
    }
    return "";
}

bool envelope_keep_read(struct span name, enum envelope_keep *keep)
{
    static const enum envelope_keep all[] = {ENVELOPE_KEEP_NEWEST, ENVELOPE_KEEP_FIRST, ENVELOPE_KEEP_AGAIN};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (span_equal(name, span_of(envelope_keep_name(all[i])))) {
            *keep = all[i];
            return true;
        }
    }
    return false;
}

/* The lowest version that can hold it. */
static int64_t version_of(const struct envelope *e)
{
    if (e->keep == ENVELOPE_KEEP_AGAIN) {
        return VERSION_WITH_AGAIN;
    }
    return e->has_order ? VERSION_WITH_ORDER : 1;
}

/* Leaves out what other programs' propagators would have to drop. */
static void put_carried(struct buf *out, const struct envelope *e)
{
    if (!trace_parent_is_valid(e->carried_parent)) {
        return;
    }
    field_put_text(out, SPAN_LITERAL(TRACEPARENT), e->carried_parent);
    if (trace_state_is_valid(e->carried_state)) {
        field_put_text(out, SPAN_LITERAL(TRACESTATE), e->carried_state);
    }
}

static void put_headers(struct buf *out, const struct envelope *e)
{
    size_t table = field_begin_table(out);

    field_put_number(out, "sluice-version", version_of(e));
    for (size_t i = 0; i < ENVELOPE_TEXTS; i++) {
        struct span text = envelope_text_in(e, &envelope_texts[i]);

        if (text.len > 0 || !envelope_texts[i].optional) {
            field_put_text(out, envelope_texts[i].name, text);
        }
    }
    field_put_text(out, SPAN_LITERAL("sluice-keep"), span_of(envelope_keep_name(e->keep)));
    field_put_number(out, "sluice-received", e->received_us);
    field_put_number(out, "sluice-attempt", e->attempt);
    if (e->has_order) {
        field_put_number(out, "sluice-order", e->order);
    }
    if (e->replayed_us > 0) {
        field_put_number(out, "sluice-replayed", e->replayed_us);
    }
    put_carried(out, e);

    field_put_short_string(out, SPAN_LITERAL("sluice-headers"));
    buf_append_char(out, 'F');
    size_t kept = field_begin_table(out);
    for (size_t i = 0; i < e->header_count; i++) {
        field_put_text(out, e->headers[i].name, e->headers[i].value);
    }
    field_end_table(out, kept);
    field_end_table(out, table);
}

#define USUAL_BYTES 768 /* of an envelope without its kept headers, path and query */

/* So that one allocation usually does. */
static void reserve(const struct envelope *e, struct buf *out)
{
    size_t len = USUAL_BYTES + e->path.len + e->query.len;

    for (size_t i = 0; i < e->header_count; i++) {
        len += e->headers[i].name.len + e->headers[i].value.len + 8;
    }
    (void)buf_reserve(out, len);
}

enum error_code envelope_encode(const struct envelope *e, struct buf *out, struct error *error)
{
    unsigned flags = PROPERTY_HEADERS | PROPERTY_DELIVERY_MODE | PROPERTY_MESSAGE_ID | PROPERTY_TIMESTAMP |
                     PROPERTY_APP_ID;
    size_t before = out->len;
    bool with_type = e->content_type.len > 0 && e->content_type.len <= ENVELOPE_CONTENT_TYPE_MAX;
    enum error_code code = envelope_check(e, error);

    if (code != ERROR_NONE) {
        return code;
    }
    reserve(e, out);
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
    MEMBER_HEADERS = 16,
    MEMBER_ORDER = 32
};
#define MEMBERS_OF_VERSION_1 \
    (MEMBER_VERSION | MEMBER_RECEIVED | MEMBER_ATTEMPT | MEMBER_KEEP | MEMBER_HEADERS)

#define NAMED(name)              \
    {                            \
        (name), sizeof(name) - 1 \
    }
#define NUMBER(name, member, place)                                         \
    {                                                                       \
        NAMED(name), FIELD_NUMBER, member, offsetof(struct envelope, place) \
    }
/* Each message has all of them: so the names' lengths are constants, and nothing is built for a field. */
static const struct {
    struct span name;
    enum field_kind kind;
    enum member member;
    size_t offset; /* of a number in the envelope; 0: it isn't kept */
} others[] = {
    {NAMED("sluice-version"), FIELD_NUMBER, MEMBER_VERSION, 0}, /* check_version has read it */
    NUMBER("sluice-received", MEMBER_RECEIVED, received_us),
    NUMBER("sluice-attempt", MEMBER_ATTEMPT, attempt),
    NUMBER("sluice-order", MEMBER_ORDER, order),
    NUMBER("sluice-replayed", 0, replayed_us),
    NUMBER("x-delivery-count", 0, delivery_count),
    {NAMED("x-death"), FIELD_ARRAY, 0, 0},
    {NAMED("sluice-keep"), FIELD_TEXT, MEMBER_KEEP, 0},
    {NAMED("sluice-headers"), FIELD_TABLE, MEMBER_HEADERS, 0},
};

static enum error_code decode_member(const struct field *f, struct envelope *e, unsigned *seen,
                                     struct error *error)
{
    for (size_t i = 0; i < ENVELOPE_TEXTS; i++) {
        if (f->kind == FIELD_TEXT && span_equal(f->name, envelope_texts[i].name)) {
            *envelope_text_of(e, &envelope_texts[i]) = f->bytes;
            return ERROR_NONE;
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (f->kind != others[i].kind || !span_equal(f->name, others[i].name)) {
            continue;
        }
        *seen |= (unsigned)others[i].member;
        if (others[i].offset > 0) {
            memcpy((char *)e + others[i].offset, &f->number, sizeof f->number);
        }
        if (others[i].kind == FIELD_ARRAY) {
            e->deaths = f->bytes;
        }
        if (others[i].member == MEMBER_KEEP && !envelope_keep_read(f->bytes, &e->keep)) {
            return error_set(error, ERROR_MALFORMED, "sluice-keep is neither newest nor first nor again");
        }
        if (others[i].member == MEMBER_HEADERS) {
            return decode_kept_headers(f->bytes, e, error);
        }
        return ERROR_NONE;
    }
    return ERROR_NONE; /* set by the broker or another program: ignored */
}

/* Takes the headers of W3C Trace Context. True when the field is one of them. */
static bool decode_carried(const struct field *f, struct envelope *e)
{
    bool parent = span_equal(f->name, SPAN_LITERAL(TRACEPARENT));

    if (f->kind != FIELD_TEXT || !(parent || span_equal(f->name, SPAN_LITERAL(TRACESTATE)))) {
        return false;
    }
    *(parent ? &e->carried_parent : &e->carried_state) = f->bytes;
    return true;
}

/* They may be another program's: invalid ones are ignored, and make no envelope malformed. */
static void check_carried(struct envelope *e)
{
    if (!trace_parent_is_valid(e->carried_parent)) {
        e->carried_parent = e->carried_state = (struct span){"", 0};
    }
    if (!trace_state_is_valid(e->carried_state)) {
        e->carried_state = (struct span){"", 0};
    }
}

/* Must run first: a later version may change anything, even the members' types. A missing version is left for
 * decode_headers to report. */
static enum error_code check_version(struct span table, int64_t *version, struct error *error)
{
    struct field_cursor c = {table.data, table.len, false};
    struct field f;

    while (field_take(&c, &f)) {
        if (f.kind != FIELD_NUMBER || !span_equal(f.name, SPAN_LITERAL("sluice-version"))) {
            continue;
        }
        *version = f.number;
        if (f.number >= 1 && f.number <= ENVELOPE_VERSION) {
            continue;
        }
        return error_set(error, f.number > ENVELOPE_VERSION ? ERROR_NEWER : ERROR_MALFORMED,
                         "envelope version %lld; this program supports up to %d", (long long)f.number,
                         ENVELOPE_VERSION);
    }
    return ERROR_NONE;
}

static enum error_code decode_headers(struct span table, int64_t version, struct envelope *e,
                                      struct error *error)
{
    struct field_cursor c = {table.data, table.len, false};
    struct field f;
    unsigned seen = 0;

    while (field_take(&c, &f)) {
        enum error_code code = decode_carried(&f, e) ? ERROR_NONE : decode_member(&f, e, &seen, error);

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
    e->has_order = version >= VERSION_WITH_ORDER && (seen & MEMBER_ORDER) != 0;
    if (version == VERSION_WITH_ORDER && !e->has_order) {
        return error_set(error, ERROR_MALFORMED, "sluice-order is missing or has the wrong type");
    }
    if (version < VERSION_WITH_AGAIN && e->keep == ENVELOPE_KEEP_AGAIN) {
        return error_set(error, ERROR_MALFORMED, "sluice-keep is again, which only version %d may have",
                         VERSION_WITH_AGAIN);
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
    int64_t version = 0;
    enum error_code code = properties_read(properties, &parts, error);

    memset(e, 0, offsetof(struct envelope, headers)); /* zeroing those, too, would cost as much as reading */
    e->id = parts.message_id;
    e->content_type = parts.content_type;
    /* The views must not be NULL: callers pass them to memcpy and libpq unchecked. */
    e->deaths = (struct span){"", 0};
    e->carried_parent = e->carried_state = (struct span){"", 0};
    for (size_t i = 0; i < ENVELOPE_TEXTS; i++) {
        *envelope_text_of(e, &envelope_texts[i]) = (struct span){"", 0};
    }
    if (code == ERROR_NONE) {
        code = check_version(parts.headers, &version, error);
    }
    if (code == ERROR_NONE) {
        code = decode_headers(parts.headers, version, e, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    content_type_from_headers(e);
    check_carried(e);
    if (envelope_check(e, error) != ERROR_NONE) {
        return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

void envelope_carry_trace(struct envelope *e, struct buf *text)
{
    size_t from = text->len;

    e->carried_parent = e->carried_state = (struct span){"", 0};
    if (!trace_parent_is_valid(e->traceparent)) {
        return;
    }
    e->carried_parent = e->traceparent;
    for (size_t i = 0; i < e->header_count; i++) {
        if (span_equal(e->headers[i].name, SPAN_LITERAL(TRACESTATE)) &&
            trace_state_append(e->headers[i].value, text)) {
            e->carried_state = (struct span){text->data + from, text->len - from};
            return;
        }
    }
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
