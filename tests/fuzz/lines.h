/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_LINES_H
#define SLUICE_TEST_LINES_H

/* A fuzzer's input as text that people can read and write: a line "METHOD target", lines "name: value", an
 * empty line, the body. */

#include "gateway/request.h"

#include <string.h>

static inline bool lines_next(struct span *rest, struct span *line)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data), step = len + (end != NULL);

    if (rest->len == 0) {
        return false;
    }
    *line = (struct span){rest->data, len};
    *rest = (struct span){rest->data + step, rest->len - step};
    return true;
}

/* What stands before the mark; *text moves behind it. */
static inline struct span lines_cut(struct span *text, const char *mark)
{
    const char *at = text->len == 0 ? NULL : memmem(text->data, text->len, mark, strlen(mark));
    struct span before = *text;

    if (at == NULL) {
        *text = (struct span){"", 0};
        return before;
    }
    before.len = (size_t)(at - text->data);
    *text = (struct span){at + strlen(mark), text->len - before.len - strlen(mark)};
    return before;
}

/* *text is then the body. */
static inline struct request lines_request(struct span *text)
{
    struct request r = {.remote = SPAN_LITERAL("127.0.0.1"), .host = SPAN_LITERAL("localhost")};
    struct span line;

    if (lines_next(text, &line)) {
        r.method = lines_cut(&line, " ");
        r.path = lines_cut(&line, "?");
        r.query = line;
    }
    while (lines_next(text, &line) && line.len > 0) {
        if (r.header_count < REQUEST_HEADERS_MAX) {
            r.headers[r.header_count].name = lines_cut(&line, ": ");
            r.headers[r.header_count++].value = line;
        }
    }
    return r;
}

#endif
