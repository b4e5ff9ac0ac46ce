/* SPDX-License-Identifier: MIT */
#include "pretty.h"

#include "gateway/event/json_scan.h"

#define INDENT 2
#define INDENTED_MAX ((size_t)32) /* levels; else a short body of deep ones would become hundreds of MB */

static void begin_line(struct buf *out, size_t depth)
{
    buf_append_char(out, '\n');
    for (size_t i = 0; i < INDENT * (depth < INDENTED_MAX ? depth : INDENTED_MAX); i++) {
        buf_append_char(out, ' ');
    }
}

bool pretty_json(struct buf *out, struct span text)
{
    struct json_scan c = {text.data, text.data + text.len}, whole = c;
    size_t depth = 0;

    if (!json_scan_value(&whole) || (json_scan_peek(&whole), whole.at != whole.end)) {
        return false;
    }
    for (char next; (next = json_scan_peek(&c)) != '\0';) {
        const char *from = c.at;

        if (next != '{' && next != '[' && next != '}' && next != ']' && next != ',' && next != ':') {
            (void)json_scan_scalar(&c);
            buf_append(out, from, (size_t)(c.at - from));
            continue;
        }
        (void)json_scan_take(&c, next);
        if (next == '}' || next == ']') {
            begin_line(out, --depth);
        }
        buf_append_char(out, next);
        if (next == ',') {
            begin_line(out, depth);
        } else if (next == ':') {
            buf_append_char(out, ' ');
        } else if (next == '{' || next == '[') {
            if (json_scan_take(&c, next == '{' ? '}' : ']')) {
                buf_append_char(out, c.at[-1]);
            } else {
                begin_line(out, ++depth);
            }
        }
    }
    return true;
}

void pretty_shell(struct buf *out, struct span text)
{
    bool plain = true;

    for (size_t i = 0; i < text.len; i++) {
        plain = plain && text.data[i] >= ' ' && text.data[i] <= '~' && text.data[i] != '\'';
    }
    buf_append_text(out, plain ? "'" : "$'");
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            buf_printf(out, "\\x%02x", (unsigned char)text.data[i]);
        } else {
            if (!plain && (text.data[i] == '\'' || text.data[i] == '\\')) {
                buf_append_char(out, '\\');
            }
            buf_append_char(out, text.data[i]);
        }
    }
    buf_append_char(out, '\'');
}
