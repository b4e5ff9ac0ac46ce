/* SPDX-License-Identifier: MIT */
#include "logjson.h"

#include "logpart.h"

#include <stdio.h>

#define CUT ",\"cut\":true"
#define END "}\n"
#define REPLACEMENT 0xfffdU
#define PIECE_SIZE 13 /* the longest escape: a surrogate pair, and a NUL */

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\') {
            return false;
        }
    }
    return s.len <= LOGPART_VALUE_MAX;
}

/* Writes one character as JSON; returns its length. */
static size_t write_character(char piece[PIECE_SIZE], uint32_t point)
{
    int len;

    if (point == '"' || point == '\\') {
        len = snprintf(piece, PIECE_SIZE, "\\%c", (char)point);
    } else if (point >= ' ' && point < 0x7f) {
        len = snprintf(piece, PIECE_SIZE, "%c", (char)point);
    } else if (point < 0x10000) {
        len = snprintf(piece, PIECE_SIZE, "\\u%04x", (unsigned)point);
    } else {
        point -= 0x10000;
        len = snprintf(piece, PIECE_SIZE, "\\u%04x\\u%04x", (unsigned)(0xd800 | point >> 10),
                       (unsigned)(0xdc00 | (point & 0x3ff)));
    }
    return len < 0 ? 0 : (size_t)len;
}

static void append_escaped(struct buf *line, struct span s)
{
    size_t from = line->len;

    while (s.len > 0) {
        char piece[PIECE_SIZE];
        uint32_t point = s.data[0] == '\0' ? 0 : REPLACEMENT;
        size_t taken = span_character(s, &point), len = write_character(piece, point);

        if (line->len - from + len > LOGPART_VALUE_MAX) {
            buf_append_text(line, "...");
            return;
        }
        buf_append(line, piece, len);
        taken = taken == 0 ? 1 : taken;
        s = (struct span){s.data + taken, s.len - taken};
    }
}

static void append_value(struct buf *line, struct span value)
{
    size_t from;
    struct span shown;

    buf_append_char(line, '"');
    from = line->len;
    shown = logpart_append_redacted(line, value);
    if (!is_plain(shown) && !line->failed) {
        struct buf raw = {0};

        buf_append_span(&raw, shown);
        line->len = from;
        append_escaped(line, buf_span(&raw));
        line->failed |= raw.failed;
        buf_free(&raw);
    }
    buf_append_char(line, '"');
}

static void append_field(struct buf *line, const struct log_field *field)
{
    buf_append_text(line, ",\"");
    buf_append_text(line, field->key);
    buf_append_text(line, "\":");
    if (field->is_number) {
        logpart_append_number(line, field->number);
    } else {
        append_value(line, field->text);
    }
}

void logjson_append(struct buf *line, enum log_level level, const char *event, const struct log_field *fields)
{
    const size_t from = line->len, room = LOGJSON_LINE_MAX - (sizeof CUT - 1) - (sizeof END - 1);

    (void)buf_reserve(line, LOGPART_LINE_USUAL);
    buf_append_text(line, "{\"time\":\"");
    logpart_append_time(line);
    buf_append_text(line, "\",\"level\":\"");
    buf_append_text(line, logpart_level(level));
    buf_append_text(line, "\",\"event\":\"");
    buf_append_text(line, event);
    buf_append_char(line, '"');
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        size_t before = line->len;

        append_field(line, f);
        if (line->len - from > room) {
            line->len = before;
            buf_append_text(line, CUT);
            break;
        }
    }
    buf_append_text(line, END);
}
