/* SPDX-License-Identifier: MIT */
#include "page_link.h"

#include "text.h"

#include <string.h>

/* The value of the parameter `cursor` in a URL. */
static struct span cursor_of(struct span url)
{
    static const char name[] = "cursor=";
    const size_t len = sizeof name - 1;
    const char *at = memchr(url.data, '?', url.len), *end = url.data + url.len;

    while (at != NULL && (size_t)(end - at) > len) {
        const char *begin = at + 1;
        const char *next = memchr(begin, '&', (size_t)(end - begin));

        if (text_begins((struct span){begin, (size_t)(end - begin)}, name)) {
            begin += len;
            return (struct span){begin, (size_t)((next == NULL ? end : next) - begin)};
        }
        at = next;
    }
    return (struct span){"", 0};
}

static bool is_next(struct span parameters)
{
    static const char *const forms[] = {"rel=\"next\"", "rel=next"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (memmem(parameters.data, parameters.len, forms[i], strlen(forms[i])) != NULL) {
            return true;
        }
    }
    return false;
}

/* What may be put into a query as it is. */
static bool is_plain(struct span cursor)
{
    for (size_t i = 0; i < cursor.len; i++) {
        if (cursor.data[i] <= ' ' || cursor.data[i] > '~' || strchr("#&\"<>", cursor.data[i]) != NULL) {
            return false;
        }
    }
    return true;
}

bool page_link_next(struct span header, struct span *cursor)
{
    const char *at = header.data, *end = header.data + header.len;

    while (at < end) {
        const char *open = memchr(at, '<', (size_t)(end - at));
        const char *close = open == NULL ? NULL : memchr(open, '>', (size_t)(end - open));
        const char *comma = close == NULL ? NULL : memchr(close, ',', (size_t)(end - close));
        const char *stop = comma == NULL ? end : comma;

        if (close == NULL) {
            break;
        }
        if (is_next((struct span){close, (size_t)(stop - close)})) {
            *cursor = cursor_of((struct span){open + 1, (size_t)(close - open - 1)});
            cursor->len = is_plain(*cursor) ? cursor->len : 0;
            return true;
        }
        at = stop;
        at += at < end;
    }
    return false;
}
