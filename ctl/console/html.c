/* SPDX-License-Identifier: MIT */
#include "html.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Characters that can't be seen, or that change how their neighbours are read. */
static bool is_hidden(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff9, 0xfffb},
        {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (point >= hidden[i].first && point <= hidden[i].last) {
            return true;
        }
    }
    return false;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void append_mark(struct buf *out, const char *prefix, const char *digits)
{
    buf_append_text(out, "<span class=\"mark\">");
    buf_append_text(out, prefix);
    buf_append_text(out, digits);
    buf_append_text(out, "</span>");
}

/* Appends the character that text begins with. Returns its length, 1 for a byte that is none. */
static size_t append_character(struct buf *out, struct span text)
{
    uint32_t point = 0;
    size_t len = span_character(text, &point);
    const char *name = entity(text.data[0]);
    char digits[16];

    if (len == 0) {
        (void)snprintf(digits, sizeof digits, "%02X", (unsigned char)text.data[0]);
        append_mark(out, "\\x", digits);
        return 1;
    }
    if (name != NULL) {
        buf_append_text(out, name);
    } else if (point == '\n') {
        append_mark(out, "\\", "n");
    } else if (is_hidden(point)) {
        (void)snprintf(digits, sizeof digits, "%04" PRIX32, point);
        append_mark(out, "U+", digits);
    } else {
        buf_append(out, text.data, len);
    }
    return len;
}

size_t html_text(struct buf *out, struct span text, size_t most)
{
    size_t end = most == 0 || text.len <= most ? text.len : span_cut(text, most);

    for (size_t at = 0; at < end;) {
        at += append_character(out, (struct span){text.data + at, text.len - at});
    }
    return text.len - end;
}

/* Appends one line without its end. */
static void append_line(struct buf *out, struct span line, size_t most)
{
    size_t end = line.len <= most ? line.len : span_cut(line, most);

    for (size_t at = 0; at < end;) {
        if (line.data[at] == '\t') {
            buf_append_char(out, '\t');
            at++;
        } else {
            at += append_character(out, (struct span){line.data + at, line.len - at});
        }
    }
    if (end < line.len) {
        buf_printf(out, "<span class=\"mark\">… this line has %zu bytes more</span>", line.len - end);
    }
}

size_t html_lines(struct buf *out, struct span text, size_t line_most, size_t most)
{
    size_t shown = 0, at = 0;

    while (at < text.len && shown < most) {
        const char *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.data) - at;
        size_t room = most - shown < line_most ? most - shown : line_most;

        append_line(out, (struct span){text.data + at, len}, room);
        shown += (len < room ? len : room) + 1;
        at += len;
        if (end != NULL) {
            buf_append_char(out, '\n');
            at++;
        }
    }
    return text.len - at;
}

/* Nothing that is hidden can be shown in an attribute, so it stays what it is. */
static void append_attribute(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *name = entity(*text);

        if (name != NULL) {
            buf_append_text(out, name);
        } else if ((unsigned char)*text < ' ') {
            buf_printf(out, "&#%d;", *text);
        } else {
            buf_append_char(out, *text);
        }
    }
}

/* Appends a number as a conversion of length l, ll, z or none says. Returns its last character. */
static const char *append_number(struct buf *out, const char *conversion, va_list *arguments)
{
    if (conversion[0] == 'd') {
        buf_printf(out, "%d", va_arg(*arguments, int));
        return conversion;
    }
    if (conversion[0] == 'z' && conversion[1] == 'u') {
        buf_printf(out, "%zu", va_arg(*arguments, size_t));
        return conversion + 1;
    }
    assert(strncmp(conversion, PRId64, strlen(PRId64)) == 0);
    buf_printf(out, "%" PRId64, va_arg(*arguments, int64_t));
    return conversion + strlen(PRId64) - 1;
}

void html_print(struct buf *out, const char *format, ...)
{
    bool in_tag = false;
    va_list arguments;

    va_start(arguments, format);
    for (const char *f = format; *f != '\0'; f++) {
        if (f[0] != '%' || f[1] == '%') {
            in_tag = f[0] == '<' || (in_tag && f[0] != '>');
            buf_append_char(out, f[0]);
            f += f[0] == '%';
        } else if (f[1] != 's') {
            f = append_number(out, f + 1, &arguments);
        } else if (in_tag) {
            append_attribute(out, va_arg(arguments, const char *));
            f++;
        } else {
            (void)html_text(out, span_of(va_arg(arguments, const char *)), 0);
            f++;
        }
    }
    va_end(arguments);
    assert(!in_tag);
}
