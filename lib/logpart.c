/* SPDX-License-Identifier: MIT */
#include "logpart.h"

#include "clock.h"
#include "secret.h"

#include <string.h>

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

bool log_format_of(const char *text, enum log_format *format)
{
    bool json = strcmp(text, "json") == 0;

    *format = json ? LOG_JSON : LOG_LOGFMT;
    return json || strcmp(text, "logfmt") == 0;
}

const char *logpart_level(enum log_level level)
{
    return level_names[level];
}

void logpart_append_time(struct buf *line)
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

void logpart_append_number(struct buf *line, int64_t number)
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

struct span logpart_append_redacted(struct buf *line, struct span value)
{
    size_t from = line->len;

    buf_append_span(line, value);
    secret_redact(line, from);
    return line->failed ? (struct span){"", 0} : (struct span){line->data + from, line->len - from};
}
