/* SPDX-License-Identifier: MIT */
#include "request.h"

#include "text.h"

#include <string.h>
#include <strings.h>

static const char *const methods[REQUEST_METHODS] = {"GET",   "HEAD",   "POST",   "PUT",
                                                     "PATCH", "DELETE", "OPTIONS"};

unsigned request_method(struct span name)
{
    for (unsigned i = 0; i < REQUEST_METHODS; i++) {
        if (span_equal(name, span_of(methods[i]))) {
            return 1U << i;
        }
    }
    return 0;
}

void request_append_methods(unsigned set, struct buf *out)
{
    bool any = false;

    for (unsigned i = 0; i < REQUEST_METHODS; i++) {
        if ((set >> i & 1) != 0) {
            buf_printf(out, "%s%s", any ? ", " : "", methods[i]);
            any = true;
        }
    }
}

bool request_is(struct span name, const char *wanted)
{
    return strlen(wanted) == name.len && (name.len == 0 || strncasecmp(name.data, wanted, name.len) == 0);
}

size_t request_find(const struct request *r, const char *name, struct span *value)
{
    size_t found = 0;

    if (value != NULL) {
        *value = (struct span){"", 0};
    }
    for (size_t i = 0; i < r->header_count; i++) {
        if (request_is(r->headers[i].name, name) && found++ == 0 && value != NULL) {
            *value = r->headers[i].value;
        }
    }
    return found;
}

static bool list_has(struct span list, const char *token)
{
    for (size_t at = 0; at < list.len; at++) {
        const char *comma = memchr(list.data + at, ',', list.len - at);
        size_t end = comma == NULL ? list.len : (size_t)(comma - list.data);

        if (request_is(text_trim((struct span){list.data + at, end - at}), token)) {
            return true;
        }
        at = end;
    }
    return false;
}

bool request_lists(const struct request *r, const char *lower, const char *token)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (request_is(r->headers[i].name, lower) && list_has(r->headers[i].value, token)) {
            return true;
        }
    }
    return false;
}
