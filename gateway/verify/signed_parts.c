/* SPDX-License-Identifier: MIT */
#include "signed_parts.h"

#include "text.h"

#include <string.h>

enum verify_cause signed_parts_time(const struct signed_request *s, struct span text)
{
    int64_t then;

    if (!timestamp_read(s->rule->declaration.unit, text, &then)) {
        return VERIFY_TIME;
    }
    if (s->now_s - then > s->rule->tolerance_s) {
        return VERIFY_OLD;
    }
    return then - s->now_s > s->rule->tolerance_s ? VERIFY_EARLY : VERIFY_FINE;
}

void signed_parts_add(struct signed_content *content, struct span piece)
{
    content->pieces[content->piece_count++] = piece;
}

struct span signed_parts_behind(struct span text, size_t len)
{
    return len == 0 ? text : (struct span){text.data + len, text.len - len}; /* data may be NULL */
}

enum verify_cause signed_parts_add_signature(const struct signed_request *s, struct signed_content *content,
                                             struct span text, const char *prefix)
{
    bool is_public = s->scheme->key == SCHEME_KEY_ED25519 || s->scheme->key == SCHEME_KEY_P256;
    size_t *count = is_public ? &content->public_count : &content->signature_count;
    struct span *list = is_public ? content->public_signatures : content->signatures;

    if (!text_begins(text, prefix) ||
        *count == (is_public ? (size_t)SIGNED_CONTENT_PUBLIC_MAX : (size_t)SIGNED_CONTENT_SIGNATURES_MAX)) {
        return VERIFY_MALFORMED;
    }
    list[(*count)++] = signed_parts_behind(text, strlen(prefix));
    return VERIFY_FINE;
}

void signed_parts_add_origin(const struct signed_request *s, struct signed_content *content)
{
    if (s->rule->url != NULL) {
        signed_parts_add(content, span_of(s->rule->url));
    } else {
        signed_parts_add(content, s->request->https ? SPAN_LITERAL("https://") : SPAN_LITERAL("http://"));
        signed_parts_add(content, s->request->host);
    }
}

void signed_parts_add_target(const struct signed_request *s, struct signed_content *content)
{
    signed_parts_add(content, s->request->path);
    signed_parts_add(content, s->request->query.len > 0 ? SPAN_LITERAL("?") : SPAN_LITERAL(""));
    signed_parts_add(content, s->request->query);
}
