/* SPDX-License-Identifier: MIT */
#include "url.h"

#include <string.h>

struct url url_split(const char *text)
{
    const char *colon = strstr(text, "://");
    const char *authority = colon == NULL ? text : colon + sizeof "://" - 1;
    size_t len = strcspn(authority, "/?#");

    return (struct url){
        .scheme = {text, colon == NULL ? 0 : (size_t)(colon - text)},
        .authority = {authority, len},
        .rest = span_of(authority + len),
    };
}

struct span url_hosts(const char *text)
{
    struct span authority = url_split(text).authority;
    const char *at = memrchr(authority.data, '@', authority.len);
    size_t user = at == NULL ? 0 : (size_t)(at + 1 - authority.data);

    return (struct span){authority.data + user, authority.len - user};
}

size_t url_servers(const char *text)
{
    struct span servers = url_hosts(text);
    size_t count = 1;

    for (size_t i = 0; i < servers.len; i++) {
        count += servers.data[i] == ',';
    }
    return count;
}

void url_of_server(const char *text, size_t n, struct buf *out)
{
    struct url url = url_split(text);
    struct span servers = url_hosts(text), one = servers;

    for (;; n--) {
        const char *comma = memchr(one.data, ',', one.len);
        size_t len = comma == NULL ? one.len : (size_t)(comma - one.data);

        if (n == 0 || comma == NULL) {
            one.len = len;
            break;
        }
        one.data += len + 1;
        one.len -= len + 1;
    }
    buf_append(out, text, (size_t)(servers.data - text));
    buf_append_span(out, one);
    buf_append_span(out, url.rest);
}
