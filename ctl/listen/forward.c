/* SPDX-License-Identifier: MIT */
#include "forward.h"

#include "clock.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

bool forward_url_valid(const char *text)
{
    struct url url = url_split(text);

    return (span_equal(url.scheme, SPAN_LITERAL("http")) || span_equal(url.scheme, SPAN_LITERAL("https"))) &&
           url.authority.len > 0;
}

static bool is_token(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == ':') {
            return false;
        }
    }
    return name.len > 0;
}

static bool has_control(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

bool forward_header_passes(const struct envelope_header *header)
{
    static const char *const ours[] = {"host", "content-length", "transfer-encoding", "connection", "expect"};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (span_equal(header->name, span_of(ours[i]))) {
            return false;
        }
    }
    return is_token(header->name) && !has_control(header->value);
}

void forward_append_target(struct buf *out, const char *url, const struct envelope *e)
{
    if (url_split(url).rest.len > 0) {
        return;
    }
    /* Without the '/' a path could become part of the host's name. */
    if (e->path.len == 0 || e->path.data[0] != '/') {
        buf_append_char(out, '/');
    }
    buf_append_span(out, e->path);
    if (e->query.len > 0) {
        buf_append_char(out, '?');
        buf_append_span(out, e->query);
    }
}

static void add_headers(struct http *http, const struct envelope *e)
{
    /* What libcurl adds by itself was in no request. */
    static const char *const added[] = {"accept", "content-type", "expect"};
    bool there[sizeof added / sizeof added[0]] = {false};

    for (size_t i = 0; i < e->header_count; i++) {
        struct buf name = {0}, value = {0};

        if (!forward_header_passes(&e->headers[i])) {
            continue;
        }
        buf_append_span(&name, e->headers[i].name);
        buf_append_span(&value, e->headers[i].value);
        for (size_t k = 0; k < sizeof added / sizeof added[0]; k++) {
            there[k] = there[k] || strcmp(buf_text(&name), added[k]) == 0;
        }
        http_header(http, buf_text(&name), buf_text(&value));
        buf_free(&name);
        buf_free(&value);
    }
    for (size_t k = 0; k < sizeof added / sizeof added[0]; k++) {
        if (!there[k]) {
            http_header(http, added[k], NULL);
        }
    }
}

void forward_event(struct http *http, const char *url, const struct envelope *e, struct span body,
                   struct forward_result *result)
{
    struct buf method = {0}, target = {0};
    struct http_reply reply = {0};
    int64_t begun = clock_monotonic_us();

    *result = (struct forward_result){0};
    buf_append_span(&method, e->method);
    forward_append_target(&target, url, e);
    if (!is_token(e->method) || has_control(buf_span(&target)) || method.failed || target.failed) {
        (void)snprintf(result->problem, sizeof result->problem,
                       "its method or path can't be sent as an HTTP request");
    } else {
        add_headers(http, e);
        http_send(http, buf_text(&method), buf_text(&target), body, &reply);
        result->status = reply.status;
        result->delivered = reply.status >= 200 && reply.status <= 299;
        (void)snprintf(result->problem, sizeof result->problem, "%s", reply.problem);
    }
    result->took_us = clock_monotonic_us() - begun;
    buf_free(&reply.body);
    buf_free(&method);
    buf_free(&target);
}
