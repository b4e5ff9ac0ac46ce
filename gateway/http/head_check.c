/* SPDX-License-Identifier: MIT */
#include "head_check.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LINE_END 2 /* CR and LF */
#define HEAD_END 4 /* the last line's end and the empty line */

/* malloc returns multiples of this. */
#define ALIGNMENT _Alignof(max_align_t)

static const char *end_of(const char *text)
{
    return text + strlen(text);
}

static bool begins_the_buffer(struct head_buffer *b, const char *method)
{
    size_t before = (uintptr_t)method % ALIGNMENT;
    const char *start = method - before;

    if (before != 0 && (before != LINE_END || memcmp(start, "\r\n", LINE_END) != 0)) {
        return false;
    }
    if (b->start == NULL || start < b->start) {
        b->start = start;
    }
    return start == b->start;
}

/* The end of the last line; NULL when a line does not end in CRLF or has a space before its colon. */
static const char *last_line_end(const struct request *r, const char *version)
{
    const char *end = end_of(version);

    for (size_t i = 0; i < r->header_count; i++) {
        const char *name = r->headers[i].name.data, *value = r->headers[i].value.data;
        const char *colon = name + r->headers[i].name.len;

        if (name != end + LINE_END || (colon[1] == '\0' && value != colon + 1)) {
            return NULL;
        }
        end = end_of(value);
    }
    return end;
}

/* After a header, civetweb does not overwrite the CR of the empty line. */
static bool ends_there(const struct head_buffer *b, const char *end, bool headers)
{
    const char *after = headers ? "\0\0\r" : "\0\0\0";

    return (size_t)(end - b->start) + HEAD_END <= b->size && memcmp(end, after, HEAD_END) == 0;
}

bool head_check(struct head_buffer *buffer, const struct request *r, const char *version, struct reply *reply)
{
    const char *end;

    if (!begins_the_buffer(buffer, r->method.data)) {
        return reply_refuse(reply, REPLY_MALFORMED, "the request does not begin with its method");
    }
    end = last_line_end(r, version);
    return (end != NULL && ends_there(buffer, end, r->header_count > 0)) ||
           reply_refuse(reply, REPLY_MALFORMED,
                        "a header line is folded or malformed, or does not end in CR and LF");
}
