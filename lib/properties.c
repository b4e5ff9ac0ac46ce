/* SPDX-License-Identifier: MIT */
#include "properties.h"

#include "field.h"
#include "text.h"

#include <string.h>

enum error_code properties_read(struct span encoded, struct properties *parts, struct error *error)
{
    struct field_cursor c = {encoded.data, encoded.len, false};
    unsigned flags = (unsigned)field_take_integer(&c, 2);

    *parts = (struct properties){
        .flags = flags, .content_type = {"", 0}, .headers = {"", 0}, .message_id = {"", 0}};
    if (flags & PROPERTY_CONTENT_TYPE) {
        parts->content_type = field_take_short_string(&c);
    }
    if (flags & PROPERTY_CONTENT_ENCODING) {
        (void)field_take_short_string(&c);
    }
    if (flags & PROPERTY_HEADERS) {
        parts->headers = field_take_bytes(&c, field_take_integer(&c, 4));
    }
    if (flags & PROPERTY_DELIVERY_MODE) {
        (void)field_take_bytes(&c, 1);
    }
    if (flags & PROPERTY_PRIORITY) {
        (void)field_take_bytes(&c, 1);
    }
    if (flags & PROPERTY_CORRELATION_ID) {
        (void)field_take_short_string(&c);
    }
    if (flags & PROPERTY_REPLY_TO) {
        (void)field_take_short_string(&c);
    }
    if (flags & PROPERTY_EXPIRATION) {
        (void)field_take_short_string(&c);
    }
    if (flags & PROPERTY_MESSAGE_ID) {
        parts->message_id = field_take_short_string(&c);
    }
    if (c.broken || (flags & PROPERTY_MORE_FLAGS)) {
        return error_set(error, ERROR_MALFORMED,
                         "the properties (%zu bytes) are truncated or have unknown flags", encoded.len);
    }
    return ERROR_NONE;
}

/* True for the headers that RabbitMQ 3.10 to 4.x adds. */
static bool is_brokers_own(struct span name)
{
    static const char *const prefixes[] = {"x-death", "x-first-death-", "x-last-death-", "x-delivery-count",
                                           "x-acquired-count"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (text_begins(name, prefixes[i])) {
            return true;
        }
    }
    return false;
}

/* Appends the headers that aren't the broker's; false when a field can't be read. */
static bool copy_headers(struct span headers, struct buf *out)
{
    struct field_cursor c = {headers.data, headers.len, false};
    struct field f;

    for (const char *at = c.at; field_take(&c, &f); at = c.at) {
        if (!is_brokers_own(f.name)) {
            buf_append(out, at, (size_t)(c.at - at));
        }
    }
    return !c.broken;
}

/* Appends the properties with `headers` in place of their own. Drops the whole property when `headers` is
 * empty: the broker added the table to a message that had none. */
static void append_stripped(const struct properties *parts, struct span encoded, struct span headers,
                            struct buf *out)
{
    size_t at = (size_t)(parts->headers.data - encoded.data);
    unsigned flags = headers.len > 0 ? parts->flags : parts->flags & ~(unsigned)PROPERTY_HEADERS;

    field_put_integer(out, flags, 2);
    buf_append(out, encoded.data + 2, at - 4 - 2); /* from after the flags to before the table's length */
    if (headers.len > 0) {
        field_put_integer(out, headers.len, 4);
        buf_append_span(out, headers);
    }
    at += parts->headers.len;
    buf_append(out, encoded.data + at, encoded.len - at);
}

enum error_code properties_strip(struct span encoded, struct buf *out, struct error *error)
{
    struct properties parts;
    struct buf headers = {0};
    size_t before = out->len;
    enum error_code code = properties_read(encoded, &parts, error);

    if (code != ERROR_NONE) {
        return code;
    }
    if (!copy_headers(parts.headers, &headers)) {
        code =
            error_set(error, ERROR_MALFORMED,
                      "the headers (%zu bytes) are truncated or contain an unknown type", parts.headers.len);
    } else if ((parts.flags & PROPERTY_HEADERS) == 0) {
        buf_append_span(out, encoded);
    } else {
        append_stripped(&parts, encoded, buf_span(&headers), out);
    }
    if (code == ERROR_NONE && (out->failed || headers.failed)) {
        code = error_set(error, ERROR_MEMORY, "no memory for a message's properties");
    }
    if (code != ERROR_NONE) {
        out->len = before;
    }
    buf_free(&headers);
    return code;
}
