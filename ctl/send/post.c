/* SPDX-License-Identifier: MIT */
#include "post.h"

#include <string.h>

bool post_text_hides_nul(struct span text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] != '\\') {
            continue;
        }
        if (text.len - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0) {
            return true;
        }
        i++; /* the escaped character can't start another escape */
    }
    return false;
}

static void add_headers(struct http *http, const struct post_request *request)
{
    bool typed = false;
    const cJSON *header;

    cJSON_ArrayForEach(header, request->headers)
    {
        if (cJSON_IsString(header)) {
            typed = typed || strcasecmp(header->string, "content-type") == 0;
            http_header(http, header->string, header->valuestring);
        }
    }
    if (request->id[0] != '\0') {
        http_header(http, "webhook-id", request->id);
    }
    if (!typed && request->body.len == 0) {
        /* libcurl would otherwise send the content type of a form. */
        http_header(http, "Content-Type", NULL);
    } else if (!typed) {
        bool json = request->body.data[0] == '{' || request->body.data[0] == '[';

        http_header(http, "Content-Type", json ? "application/json" : "application/octet-stream");
    }
}

void post_event(struct http *http, const struct post_request *request, struct http_reply *reply)
{
    struct buf path = {0};

    buf_printf(&path, "%s%s", request->path[0] == '/' ? "" : "/", request->path);
    add_headers(http, request);
    http_send(http, request->method, buf_text(&path), request->body, reply);
    buf_free(&path);
}
