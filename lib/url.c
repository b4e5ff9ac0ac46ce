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

/* Without user and password. */
static struct span servers_of(struct span authority)
{
    struct span servers = authority;

    for (size_t i = 0; i < authority.len; i++) {
        if (authority.data[i] == '@') {
            servers = (struct span){authority.data + i + 1, authority.len - i - 1};
        }
    }
    return servers;
}

size_t url_servers(const char *text)
{
    struct span servers = servers_of(url_split(text).authority);
    size_t count = 1;

    for (size_t i = 0; i < servers.len; i++) {
        count += servers.data[i] == ',';
    }
    return count;
}

void url_of_server(const char *text, size_t n, struct buf *out)
{
    struct url url = url_split(text);
    struct span servers = servers_of(url.authority), one = servers;

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
