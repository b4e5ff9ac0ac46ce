/* SPDX-License-Identifier: MIT */
#include "kept_headers.h"

#include "trace_context.h"

#include <string.h>
#include <strings.h>

static bool has_prefix(struct span name, const char *lower)
{
    size_t len = strlen(lower);

    return name.len >= len && strncasecmp(name.data, lower, len) == 0;
}

static bool contains(struct span name, const char *lower)
{
    for (size_t at = 0; at < name.len; at++) {
        if (has_prefix((struct span){name.data + at, name.len - at}, lower)) {
            return true;
        }
    }
    return false;
}

static bool is_kept(const struct verify_rule *rule, struct span name)
{
    static const char *const never[] = {"connection",        "keep-alive", "te",     "trailer",
                                        "transfer-encoding", "upgrade",    "cookie", "authorization"};
    static const char *const secret[] = {"token", "secret", "password", "api-key", "apikey", "signature"};

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (request_is(name, never[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        if (contains(name, secret[i])) {
            return false;
        }
    }
    return !has_prefix(name, "proxy-") && !verify_reads(rule, name);
}

/* Names that Connection lists are hop-by-hop too. */
static bool is_hop_by_hop(const struct request *r, struct span lower)
{
    char name[256]; /* body_length_check accepts no longer value */

    if (lower.len >= sizeof name) {
        return false;
    }
    memcpy(name, lower.data, lower.len);
    name[lower.len] = '\0';
    return request_lists(r, "connection", name);
}

static void append_lower(struct buf *out, struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        buf_append_char(out, (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
}

static bool same_name(struct span a, struct span b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static bool came_before(const struct request *r, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (same_name(r->headers[i].name, r->headers[index].name)) {
            return true;
        }
    }
    return false;
}

/* Appends the header's name and the joined values of all headers of that name; returns views of both. */
static struct envelope_header join(const struct request *r, size_t index, struct buf *text)
{
    struct span name = r->headers[index].name;
    size_t name_at = text->len, value_at;

    append_lower(text, name);
    value_at = text->len;
    buf_append_latin1(text, r->headers[index].value);
    for (size_t i = index + 1; i < r->header_count; i++) {
        if (same_name(r->headers[i].name, name)) {
            buf_append_text(text, ", ");
            buf_append_latin1(text, r->headers[i].value);
        }
    }
    if (text->failed) {
        return (struct envelope_header){{"", 0}, {"", 0}};
    }
    return (struct envelope_header){{text->data + name_at, name.len},
                                    {text->data + value_at, text->len - value_at}};
}

bool kept_headers_select(const struct request *r, const struct verify_rule *rule, struct buf *text,
                         struct envelope *e, struct reply *reply)
{
    struct span trace;
    size_t worst = 0;

    /* Reserves the most that can be needed, so that the views stay valid: conversion from Latin-1 may double
     * a value, and ", " joins values. */
    for (size_t i = 0; i < r->header_count; i++) {
        worst += r->headers[i].name.len + 2 * r->headers[i].value.len + 2;
    }
    if (!buf_reserve(text, worst + TRACE_STATE_MAX)) {
        return reply_refuse(reply, REPLY_MEMORY, "no memory for the headers; send the event again");
    }
    for (size_t i = 0; i < r->header_count; i++) {
        struct envelope_header header;

        if (!is_kept(rule, r->headers[i].name) || came_before(r, i)) {
            continue;
        }
        header = join(r, i, text);
        if (is_hop_by_hop(r, header.name)) {
            text->len -= header.name.len + header.value.len;
            continue;
        }
        if (request_is(header.name, "content-type")) {
            e->content_type = header.value;
        }
        e->headers[e->header_count++] = header;
    }
    if (text->len > ENVELOPE_HEADER_BYTES_MAX) {
        return reply_refuse(reply, REPLY_HEADERS, "the kept headers have %zu bytes; at most %d are allowed",
                            text->len, ENVELOPE_HEADER_BYTES_MAX);
    }
    if (request_find(r, "traceparent", &trace) == 1 && trace_parent_is_valid(trace)) {
        e->traceparent = trace;
        envelope_carry_trace(e, text);
    }
    return true;
}
