/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include "field.h"
#include "properties.h"

#include <inttypes.h>
#include <stdio.h>

enum frame_type { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, FRAME_END = 0xce };

#define CLASS_BASIC 60
#define METHOD_PUBLISH 40
#define PUBLISH_MANDATORY 1

/* A frame's payload follows its length, as a table's fields do. Returns where it begins, for end_frame. */
static size_t begin_frame(enum frame_type type, struct buf *out)
{
    field_put_integer(out, type, 1);
    field_put_integer(out, FRAMES_CHANNEL, 2);
    return field_begin_table(out);
}

static void end_frame(size_t payload, struct buf *out)
{
    field_end_table(out, payload);
    field_put_integer(out, FRAME_END, 1);
}

static void put_publish(const struct frames_message *m, struct buf *out)
{
    size_t payload = begin_frame(FRAME_METHOD, out);

    field_put_integer(out, CLASS_BASIC, 2);
    field_put_integer(out, METHOD_PUBLISH, 2);
    field_put_integer(out, 0, 2); /* reserved */
    field_put_short_string(out, m->exchange);
    field_put_short_string(out, m->routing_key);
    field_put_integer(out, PUBLISH_MANDATORY, 1);
    end_frame(payload, out);
}

static void put_header(const struct frames_message *m, const struct properties *parts, struct buf *out)
{
    const char *correlation = parts->correlation.data, *end = m->properties.data + m->properties.len;
    const char *rest = correlation + parts->correlation.len;
    size_t payload = begin_frame(FRAME_HEADER, out);
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, m->correlation);

    field_put_integer(out, CLASS_BASIC, 2);
    field_put_integer(out, 0, 2); /* weight */
    field_put_integer(out, m->body_len, 8);
    field_put_integer(out, parts->flags | PROPERTY_CORRELATION_ID, 2);
    buf_append(out, m->properties.data + 2, (size_t)(correlation - m->properties.data) - 2);
    field_put_short_string(out, (struct span){digits, (size_t)len});
    buf_append(out, rest, (size_t)(end - rest));
    end_frame(payload, out);
}

enum error_code frames_begin(const struct frames_message *m, struct buf *out, struct error *error)
{
    struct properties parts;
    enum error_code code = properties_read(m->properties, &parts, error);

    if (code == ERROR_NONE) {
        put_publish(m, out);
        put_header(m, &parts, out);
    }
    return code;
}

void frames_body(struct span bytes, struct buf *out)
{
    size_t payload = begin_frame(FRAME_BODY, out);

    buf_append_span(out, bytes);
    end_frame(payload, out);
}
