/* SPDX-License-Identifier: MIT */
#include "bundle.h"

#include "envelope.h"
#include "field.h"
#include "properties.h"

#include <inttypes.h>

#define CONTENT_TYPE "application/vnd.sluice.bundle"
#define ENVELOPE_VERSION_OF_BUNDLES 4 /* no envelope of one event may ever have it */
_Static_assert(ENVELOPE_VERSION < ENVELOPE_VERSION_OF_BUNDLES,
               "bundles have version 4: envelopes go on with 5");
#define EVENTS_HEADER "sluice-bundle"
#define DELIVERY_MODE_PERSISTENT 2
#define LENGTH_BYTES 4

size_t bundle_record_size(struct span properties, struct span body)
{
    return LENGTH_BYTES + properties.len + LENGTH_BYTES + body.len;
}

void bundle_begin(struct buf *body)
{
    buf_append_char(body, BUNDLE_VERSION);
}

void bundle_append(struct buf *body, struct span properties, struct span event_body)
{
    field_put_integer(body, properties.len, LENGTH_BYTES);
    buf_append_span(body, properties);
    field_put_integer(body, event_body.len, LENGTH_BYTES);
    buf_append_span(body, event_body);
}

void bundle_properties(struct span first, size_t events, struct buf *out)
{
    struct properties parts;
    struct error ignored;
    size_t table;

    if (properties_read(first, &parts, &ignored) != ERROR_NONE) {
        parts.message_id = (struct span){"", 0};
    }
    field_put_integer(out,
                      PROPERTY_CONTENT_TYPE | PROPERTY_HEADERS | PROPERTY_DELIVERY_MODE |
                          PROPERTY_MESSAGE_ID | PROPERTY_APP_ID,
                      2);
    field_put_short_string(out, SPAN_LITERAL(CONTENT_TYPE));
    table = field_begin_table(out);
    field_put_number(out, "sluice-version", ENVELOPE_VERSION_OF_BUNDLES);
    field_put_number(out, EVENTS_HEADER, (int64_t)events);
    field_end_table(out, table);
    field_put_integer(out, DELIVERY_MODE_PERSISTENT, 1);
    field_put_short_string(out, parts.message_id);
    field_put_short_string(out, SPAN_LITERAL("sluice"));
}

/* Takes what a bundle's headers tell. False when the properties aren't those of a bundle. */
static bool read_headers(struct span encoded, struct bundle *b)
{
    struct properties parts;
    struct error ignored;
    struct field_cursor c;
    struct field f;

    *b = (struct bundle){.events = -1, .deaths = {"", 0}};
    if (properties_read(encoded, &parts, &ignored) != ERROR_NONE) {
        return false;
    }
    c = (struct field_cursor){parts.headers.data, parts.headers.len, false};
    while (field_take(&c, &f)) {
        if (f.kind == FIELD_NUMBER && span_equal(f.name, SPAN_LITERAL(EVENTS_HEADER))) {
            b->events = f.number < 0 ? 0 : f.number;
        } else if (f.kind == FIELD_NUMBER && span_equal(f.name, SPAN_LITERAL("x-delivery-count"))) {
            b->delivery_count = f.number;
        } else if (f.kind == FIELD_ARRAY && span_equal(f.name, SPAN_LITERAL("x-death"))) {
            b->deaths = f.bytes;
        }
    }
    return b->events >= 0;
}

bool bundle_is(struct span properties)
{
    struct bundle ignored;

    return read_headers(properties, &ignored);
}

bool bundle_next(struct bundle *b, struct span *properties, struct span *body)
{
    struct field_cursor c = {b->records.data, b->records.len, false};

    *properties = field_take_bytes(&c, field_take_integer(&c, LENGTH_BYTES));
    *body = field_take_bytes(&c, field_take_integer(&c, LENGTH_BYTES));
    if (c.broken) { /* what is left tells bundle_open that something is */
        return false;
    }
    b->records = (struct span){c.at, c.left};
    return true;
}

enum error_code bundle_open(struct bundle *b, struct span properties, struct span body, struct error *error)
{
    struct bundle all;
    struct span event_properties, event_body;
    int64_t events = 0;
    int version = body.len > 0 ? (unsigned char)body.data[0] : 0;

    (void)read_headers(properties, b);
    if (version != BUNDLE_VERSION) {
        return error_set(error, version > BUNDLE_VERSION ? ERROR_NEWER : ERROR_MALFORMED,
                         "the bundle (%zu bytes) has version %d; this release reads version %d", body.len,
                         version, BUNDLE_VERSION);
    }
    b->records = (struct span){body.data + 1, body.len - 1};
    all = *b;
    while (all.records.len > 0 && bundle_next(&all, &event_properties, &event_body)) {
        events++;
    }
    if (all.records.len > 0 || events != b->events || events < 1 || events > BUNDLE_EVENTS_MAX) {
        return error_set(error, ERROR_MALFORMED,
                         "the bundle (%zu bytes) says that it has %" PRId64 " events (1 to %d are allowed); "
                         "%" PRId64 " can be read, and %zu bytes are left",
                         body.len, b->events, BUNDLE_EVENTS_MAX, events, all.records.len);
    }
    return ERROR_NONE;
}
