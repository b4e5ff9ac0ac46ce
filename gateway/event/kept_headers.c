/* SPDX-License-Identifier: MIT */
#include "kept_headers.h"

#include "text.h"
#include "trace_context.h"

#include <string.h>
#include <strings.h>

/* True when the name holds such a word from its first byte on. */
static bool begins_secret(struct span lower)
{
    switch (lower.data[0]) {
    case 'a':
        return text_begins(lower, "api-key") || text_begins(lower, "apikey");
    case 'p':
        return text_begins(lower, "password");
    case 's':
        return text_begins(lower, "secret") || text_begins(lower, "signature");
    case 't':
        return text_begins(lower, "token");
    default:
        return false;
    }
}

static bool is_kept(const struct verify_rule *rule, struct span lower)
{
    const struct span never[] = {
        SPAN_LITERAL("connection"), SPAN_LITERAL("keep-alive"),        SPAN_LITERAL("te"),
        SPAN_LITERAL("trailer"),    SPAN_LITERAL("transfer-encoding"), SPAN_LITERAL("upgrade"),
        SPAN_LITERAL("cookie"),     SPAN_LITERAL("authorization")};

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (span_equal(lower, never[i])) {
            return false;
        }
    }
    for (size_t at = 0; at < lower.len; at++) {
        if (begins_secret((struct span){lower.data + at, lower.len - at})) {
            return false;
        }
    }
    return !text_begins(lower, "proxy-") && !verify_reads(rule, lower);
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

/* Appends the name in lower case, for which there is room; returns a view of it. */
static struct span append_lower(struct buf *out, struct span name)
{
    char *lower = out->data + out->len;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out->len += name.len;
    return (struct span){lower, name.len};
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

/* Appends the joined values of all headers of that name; returns a view of them. */
static struct span join(const struct request *r, size_t index, struct buf *text)
{
    size_t from = text->len;

    buf_append_latin1(text, r->headers[index].value);
    for (size_t i = index + 1; i < r->header_count; i++) {
        if (same_name(r->headers[i].name, r->headers[index].name)) {
            buf_append_text(text, ", ");
            buf_append_latin1(text, r->headers[i].value);
        }
    }
    return (struct span){text->data + from, text->len - from};
}

bool kept_headers_select(const struct request *r, const struct verify_rule *rule, struct buf *text,
                         struct envelope *e, struct reply *reply)
{
    bool lists_some = request_find(r, "connection", NULL) > 0;
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
        size_t before = text->len;
        struct span name = append_lower(text, r->headers[i].name);

        if (!is_kept(rule, name) || came_before(r, i) || (lists_some && is_hop_by_hop(r, name))) {
            text->len = before;
            continue;
        }
        e->headers[e->header_count] = (struct envelope_header){name, join(r, i, text)};
        if (span_equal(name, SPAN_LITERAL("content-type"))) {
            e->content_type = e->headers[e->header_count].value;
        }
        e->header_count++;
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
