/* SPDX-License-Identifier: MIT */
#include "twilio.h"

#include "form.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct field {
    struct span name, value;
};

/* Appends the decoded text to reserved memory, so that earlier views stay valid. */
static struct span decode(struct span text, struct buf *decoded)
{
    size_t begin = decoded->len;

    form_decode(text, decoded);
    return (struct span){decoded->data + begin, decoded->len - begin};
}

static int compare(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    int by_name = span_compare(x->name, y->name);

    return by_name != 0 ? by_name : span_compare(x->value, y->value);
}

/* Returns the number of fields, or TWILIO_FIELDS_MAX + 1 for more. */
static size_t read_fields(struct span body, struct field *fields, struct buf *decoded)
{
    struct span name, value;
    size_t count = 0;

    while (form_next(&body, &name, &value)) {
        if (count == TWILIO_FIELDS_MAX) {
            return count + 1;
        }
        fields[count].name = decode(name, decoded);
        fields[count++].value = decode(value, decoded);
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
    const char *end;

    (void)request_find(request, "content-type", &type);
    end = type.len == 0 ? NULL : memchr(type.data, ';', type.len);
    type.len = end == NULL ? type.len : (size_t)(end - type.data);
    while (type.len > 0 && type.data[type.len - 1] == ' ') {
        type.len--;
    }
    return request_is(type, "application/x-www-form-urlencoded");
}

/* The first bodySHA256 in the query; empty when there is none. */
static struct span query_digest(struct span query)
{
    struct span name, value;

    while (form_next(&query, &name, &value)) {
        if (span_equal(name, SPAN_LITERAL("bodySHA256")) && value.len > 0) {
            return value;
        }
    }
    return (struct span){"", 0};
}

enum verify_cause twilio_body(const struct request *request, struct span body)
{
    struct span claimed = query_digest(request->query);
    unsigned char digest[SECRET_KEY_DIGEST_BYTES];
    struct buf sent = {0};
    enum verify_cause cause = VERIFY_MISMATCH;

    if (claimed.len == 0) {
        return body.len == 0 || twilio_is_form(request) ? VERIFY_FINE : VERIFY_MALFORMED;
    }
    if (!secret_key_digest(body, digest)) {
        return VERIFY_MEMORY;
    }
    /* Needs no constant time: neither side is secret. */
    if (claimed.len == 2 * sizeof digest && text_read_hex(claimed, &sent) &&
        memcmp(sent.data, digest, sizeof digest) == 0) {
        cause = VERIFY_FINE;
    }
    cause = sent.failed ? VERIFY_MEMORY : cause;
    buf_free(&sent);
    return cause;
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
