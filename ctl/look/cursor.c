/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include "ctl/http.h"

#include <string.h>

#define DIGITS_MAX 18

void cursor_append(struct buf *out, const char *us, const char *source, const char *id)
{
    buf_printf(out, "%s.%s.", us, source);
    http_append_escaped(out, id);
}

/* Only what cursor_append writes is a cursor: percent-encoding has other ways to write a text, or no text. */
static bool is_own(const char *text, struct cursor *cursor)
{
    struct buf again = {0};
    bool same;

    cursor_append(&again, buf_text(&cursor->us), buf_text(&cursor->source), buf_text(&cursor->id));
    same = span_equal(buf_span(&again), span_of(text));
    buf_free(&again);
    return same;
}

bool cursor_read(const char *text, struct cursor *cursor)
{
    size_t sign = text[0] == '-' ? 1 : 0, digits = strspn(text + sign, "0123456789");
    const char *source = text + sign + digits + 1, *dot;

    if (digits == 0 || digits > DIGITS_MAX || source[-1] != '.') {
        return false;
    }
    dot = strchr(source, '.');
    if (dot == NULL) {
        return false;
    }
    buf_append(&cursor->us, text, sign + digits);
    buf_append(&cursor->source, source, (size_t)(dot - source));
    http_append_unescaped(&cursor->id, dot + 1);
    return span_is_text(buf_span(&cursor->source)) && span_is_text(buf_span(&cursor->id)) &&
           is_own(text, cursor);
}

void cursor_free(struct cursor *cursor)
{
    buf_free(&cursor->us);
    buf_free(&cursor->source);
    buf_free(&cursor->id);
}
