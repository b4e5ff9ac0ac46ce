/* SPDX-License-Identifier: MIT */
#include "logfmt.h"

#include "logpart.h"

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return s.len > 0;
}

static void append_quoted(struct buf *line, struct span s)
{
    static const char hex[] = "0123456789abcdef";

    buf_append_char(line, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c == '"' || c == '\\') {
            buf_append(line, (char[]){'\\', (char)c}, 2);
        } else if (c >= ' ' && c < 0x7f) {
            buf_append_char(line, (char)c);
        } else {
            buf_append(line, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        }
    }
    buf_append_char(line, '"');
}

static void append_value(struct buf *line, struct span value)
{
    size_t from = line->len;
    struct span shown = logpart_append_redacted(line, value);
    bool cut = shown.len > LOGPART_VALUE_MAX;

    shown.len = span_cut(shown, LOGPART_VALUE_MAX);
    if (line->failed) {
        return;
    }
    if (is_plain(shown)) {
        line->len = from + shown.len;
    } else {
        struct buf raw = {0};

        buf_append_span(&raw, shown);
        line->len = from;
        append_quoted(line, buf_span(&raw));
        line->failed |= raw.failed;
        buf_free(&raw);
    }
    if (cut) {
        buf_append_text(line, "...");
    }
}

void logfmt_append(struct buf *line, enum log_level level, const char *event, const struct log_field *fields)
{
    (void)buf_reserve(line, LOGPART_LINE_USUAL);
    logpart_append_time(line);
    buf_append_char(line, ' ');
    buf_append_text(line, logpart_level(level));
    buf_append_char(line, ' ');
    buf_append_text(line, event);
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        buf_append_char(line, ' ');
        buf_append_text(line, f->key);
        buf_append_char(line, '=');
        if (f->is_number) {
            logpart_append_number(line, f->number);
        } else {
            append_value(line, f->text);
        }
    }
    buf_append_char(line, '\n');
}
