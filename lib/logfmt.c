/* SPDX-License-Identifier: MIT */
#include "logfmt.h"

#include "clock.h"
#include "secret.h"

#include <string.h>

#define VALUE_MAX 1024
/* The size of most lines, reserved up front so that formatting one allocates once. */
#define LINE_USUAL 512

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

bool log_level_of(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void append_time(struct buf *line)
{
    static _Thread_local int64_t second = INT64_MIN;
    static _Thread_local char text[20]; /* 2026-11-23T22:43:01. */
    int64_t now = clock_wall_us();
    int micros = (int)(now % CLOCK_US_PER_S);
    char digits[7];

    if (now / CLOCK_US_PER_S != second) {
        size_t from = line->len;

        clock_append(line, now);
        if (!line->failed && line->len - from == sizeof text + sizeof digits) {
            memcpy(text, line->data + from, sizeof text);
            second = now / CLOCK_US_PER_S;
        }
        return;
    }
    for (int i = 5; i >= 0; i--, micros /= 10) {
        digits[i] = (char)('0' + micros % 10);
    }
    digits[6] = 'Z';
    buf_append(line, text, sizeof text);
    buf_append(line, digits, sizeof digits);
}

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

/* Redacts before it cuts and escapes: secret_redact finds only whole secrets. */
static void append_value(struct buf *line, struct span value)
{
    size_t from = line->len;
    struct span shown;
    bool cut;

    buf_append_span(line, value);
    secret_redact(line, from);
    if (line->failed) {
        return;
    }
    shown = (struct span){line->data + from, line->len - from};
    cut = shown.len > VALUE_MAX;
    shown.len = span_cut(shown, VALUE_MAX);
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

static void append_number(struct buf *line, int64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    buf_append(line, digits + at, sizeof digits - at);
}

void logfmt_append(struct buf *line, enum log_level level, const char *event, const struct log_field *fields)
{
    (void)buf_reserve(line, LINE_USUAL);
    append_time(line);
    buf_append_char(line, ' ');
    buf_append_text(line, level_names[level]);
    buf_append_char(line, ' ');
    buf_append_text(line, event);
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        buf_append_char(line, ' ');
        buf_append_text(line, f->key);
        buf_append_char(line, '=');
        if (f->is_number) {
            append_number(line, f->number);
        } else {
            append_value(line, f->text);
        }
    }
    buf_append_char(line, '\n');
}
