/* SPDX-License-Identifier: MIT */
#include "query.h"

#include "ctl/http.h"
#include "text.h"

#include <string.h>

/* Appends the decoded text and a NUL. */
static bool decode(struct buf *out, struct span text)
{
    size_t begin = out->len;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '%') {
            if (text.len - i < 3 || !text_read_hex((struct span){text.data + i + 1, 2}, out)) {
                return false;
            }
            i += 2;
        } else {
            buf_append_char(out, (char)(text.data[i] == '+' ? ' ' : text.data[i]));
        }
    }
    if (!span_is_text((struct span){out->data + begin, out->len - begin})) {
        return false;
    }
    buf_append_char(out, '\0');
    return true;
}

static bool read_pair(struct query *q, struct span pair)
{
    const char *equals = memchr(pair.data, '=', pair.len);
    size_t name_len = equals == NULL ? pair.len : (size_t)(equals - pair.data);
    size_t value_at = equals == NULL ? pair.len : name_len + 1;
    size_t name = q->text.len, value;

    if (q->count == QUERY_PAIRS_MAX || !decode(&q->text, (struct span){pair.data, name_len})) {
        return false;
    }
    value = q->text.len;
    if (!decode(&q->text, (struct span){pair.data + value_at, pair.len - value_at})) {
        return false;
    }
    q->pairs[q->count].name = q->text.data + name;
    q->pairs[q->count].value = q->text.data + value;
    q->count++;
    return true;
}

bool query_read(struct query *query, struct span text)
{
    /* Decoded text is not longer, but each pair has two NULs: then the memory doesn't move. */
    bool good = buf_reserve(&query->text, text.len + 2 * (size_t)QUERY_PAIRS_MAX);

    while (good && text.len > 0) {
        const char *end = memchr(text.data, '&', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);

        good = len == 0 || read_pair(query, (struct span){text.data, len});
        len += end != NULL;
        text = (struct span){text.data + len, text.len - len};
    }
    return good;
}

const char *query_get(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) == 0) {
            return query->pairs[i].value[0] == '\0' ? NULL : query->pairs[i].value;
        }
    }
    return NULL;
}

void query_free(struct query *query)
{
    buf_free(&query->text);
    *query = (struct query){0};
}

void query_append(struct buf *url, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        return;
    }
    buf_append_char(url, url->len > 0 && memchr(url->data, '?', url->len) != NULL ? '&' : '?');
    buf_append_text(url, name);
    buf_append_char(url, '=');
    http_append_escaped(url, value);
}
