/* SPDX-License-Identifier: MIT */
#include "twilio.h"

#include <stdlib.h>
#include <string.h>

struct field {
    struct span name, value;
};

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes into room that is there (no text grows by it). What is no escape stays as it is. */
static struct span decode(struct span text, struct buf *decoded)
{
    size_t begin = decoded->len;

    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.data[i] == '%' && text.len - i > 2 && nibble(text.data[i + 1]) >= 0 &&
                      nibble(text.data[i + 2]) >= 0;

        if (escape) {
            buf_append_char(decoded, (char)(nibble(text.data[i + 1]) << 4 | nibble(text.data[i + 2])));
            i += 2;
        } else {
            buf_append_char(decoded, text.data[i] == '+' ? ' ' : text.data[i]);
        }
    }
    return (struct span){decoded->data + begin, decoded->len - begin};
}

static int compare(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    int by_name = span_compare(x->name, y->name);

    return by_name != 0 ? by_name : span_compare(x->value, y->value);
}

static struct span until(struct span text, char end)
{
    const char *at = text.len == 0 ? NULL : memchr(text.data, end, text.len);

    return (struct span){text.data, at == NULL ? text.len : (size_t)(at - text.data)};
}

/* How many fields there are, or TWILIO_FIELDS_MAX + 1. */
static size_t read_fields(struct span body, struct field *fields, struct buf *decoded)
{
    size_t count = 0;

    while (body.len > 0) {
        struct span pair = until(body, '&');
        struct span name = until(pair, '=');
        size_t skip = name.len + (name.len < pair.len), step = pair.len + (pair.len < body.len);

        if (pair.len > 0) {
            if (count == TWILIO_FIELDS_MAX) {
                return count + 1;
            }
            fields[count].name = decode(name, decoded);
            fields[count++].value = decode((struct span){pair.data + skip, pair.len - skip}, decoded);
        }
        body = (struct span){body.data + step, body.len - step};
    }
    return count;
}

enum verify_cause twilio_form(struct span body, struct buf *out)
{
    struct field *fields = calloc(TWILIO_FIELDS_MAX, sizeof *fields);
    enum verify_cause cause = VERIFY_FINE;
    struct buf decoded = {0};

    if (fields == NULL || !buf_reserve(&decoded, body.len + 1)) {
        cause = VERIFY_MEMORY;
    } else {
        size_t count = read_fields(body, fields, &decoded);

        if (count > TWILIO_FIELDS_MAX) {
            cause = VERIFY_MALFORMED;
        } else {
            qsort(fields, count, sizeof *fields, compare);
        }
        for (size_t i = 0; i < count && cause == VERIFY_FINE; i++) {
            if (i == 0 || compare(&fields[i - 1], &fields[i]) != 0) {
                buf_append_span(out, fields[i].name);
                buf_append_span(out, fields[i].value);
            }
        }
        cause = out->failed ? VERIFY_MEMORY : cause;
    }
    buf_free(&decoded);
    free(fields);
    return cause;
}

bool twilio_is_form(const struct request *request)
{
    struct span type;

    (void)request_find(request, "content-type", &type);
    type = until(type, ';');
    while (type.len > 0 && type.data[type.len - 1] == ' ') {
        type.len--;
    }
    return request_is(type, "application/x-www-form-urlencoded");
}

/* The first bodySHA256 of the query; empty when it has none. */
static struct span query_digest(struct span query)
{
    while (query.len > 0) {
        struct span pair = until(query, '&');
        struct span name = until(pair, '=');
        size_t step = pair.len + (pair.len < query.len);

        if (span_equal(name, SPAN_LITERAL("bodySHA256")) && name.len < pair.len) {
            return (struct span){pair.data + name.len + 1, pair.len - name.len - 1};
        }
        query = (struct span){query.data + step, query.len - step};
    }
    return (struct span){"", 0};
}

enum verify_cause twilio_body(const struct request *request, struct span body)
{
    struct span claimed = query_digest(request->query);
    unsigned char digest[KEY_DIGEST_BYTES];
    char text[2 * KEY_DIGEST_BYTES];

    if (claimed.len == 0) {
        return body.len == 0 || twilio_is_form(request) ? VERIFY_FINE : VERIFY_MALFORMED;
    }
    if (!key_digest(body, digest)) {
        return VERIFY_MEMORY;
    }
    encoding_write(ENCODING_HEX, digest, sizeof digest, text);
    /* No secret is compared: anybody can compute both. */
    return span_equal(claimed, (struct span){text, sizeof text}) ? VERIFY_FINE : VERIFY_MISMATCH;
}

void twilio_other_host(const struct request *request, struct buf *out)
{
    struct span host = request->host;
    size_t len = host.len;

    while (len > 0 && host.data[len - 1] >= '0' && host.data[len - 1] <= '9') {
        len--;
    }
    if (len > 0 && host.data[len - 1] == ':' && len < host.len) {
        buf_append(out, host.data, len - 1);
    } else {
        buf_append_span(out, host);
        buf_append_text(out, request->https ? ":443" : ":80");
    }
}
