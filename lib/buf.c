/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UTF8_MAX 4 /* bytes in a character */

struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int span_compare(struct span a, struct span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* The length of a UTF-8 sequence with this first byte; 0 when no sequence begins with it. */
static size_t utf8_length(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t span_character(struct span s, uint32_t *point)
{
    static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
    static const unsigned char bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *p = (const unsigned char *)s.data;
    size_t len = s.len == 0 ? 0 : utf8_length(p[0]);
    uint32_t read;

    if (len == 0 || len > s.len) {
        return 0;
    }
    read = p[0] & bits[len];
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0U) != 0x80) {
            return 0;
        }
        read = read << 6 | (p[i] & 0x3fU);
    }
    if (read < least[len] || read > 0x10ffff || (read >= 0xd800 && read <= 0xdfff)) {
        return 0;
    }
    *point = read;
    return len;
}

/* The length of the longest prefix of whole words of eight bytes that are ASCII without NUL. */
static size_t ascii_words(struct span s)
{
    const uint64_t high = UINT64_C(0x8080808080808080), one = UINT64_C(0x0101010101010101);
    size_t at = 0;

    for (uint64_t word; at + sizeof word <= s.len; at += sizeof word) {
        memcpy(&word, s.data + at, sizeof word);
        /* Subtracting one sets the high bit of a NUL; of an ASCII byte only by the borrow of a NUL below. */
        if (((word | (word - one)) & high) != 0) {
            break;
        }
    }
    return at;
}

bool span_is_text(struct span s)
{
    uint32_t point;

    for (size_t at = ascii_words(s); at < s.len;) {
        size_t len = span_character((struct span){s.data + at, s.len - at}, &point);

        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

size_t span_cut(struct span s, size_t most)
{
    if (s.len <= most) {
        return s.len;
    }
    for (size_t back = 1; back < UTF8_MAX && back <= most; back++) {
        unsigned char c = (unsigned char)s.data[most - back];

        if ((c & 0xc0U) != 0x80) { /* the last character begins here */
            return utf8_length(c) > back ? most - back : most;
        }
    }
    return most;
}

/* Replaces invalid bytes in the first len bytes of text by '?', and appends the NUL. */
static size_t make_text(char *text, size_t len)
{
    uint32_t point;

    for (size_t at = 0; at < len;) {
        size_t character = span_character((struct span){text + at, len - at}, &point);

        if (character == 0) {
            text[at] = '?';
        }
        at += character == 0 ? 1 : character;
    }
    text[len] = '\0';
    return len;
}

size_t text_copy(char *text, size_t size, struct span s)
{
    size_t len = span_cut(s, size - 1);

    if (len > 0) {
        memcpy(text, s.data, len);
    }
    return make_text(text, len);
}

size_t text_format(char *text, size_t size, const char *format, va_list arguments)
{
    int needed = vsnprintf(text, size, format, arguments);

    return make_text(text, needed < 0 ? 0 : span_cut((struct span){text, (size_t)needed}, size - 1));
}

bool buf_reserve(struct buf *b, size_t len)
{
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    char *grown;

    if (b->failed || len > SIZE_MAX / 2 - b->len) {
        b->failed = true;
        return false;
    }
    if (b->len + len <= b->capacity) {
        return true;
    }
    while (capacity < b->len + len) {
        capacity *= 2;
    }
    grown = realloc(b->data, capacity);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->capacity = capacity;
    return true;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
    if (len > 0 && buf_reserve(b, len)) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void buf_append_span(struct buf *b, struct span s)
{
    buf_append(b, s.data, s.len);
}

void buf_append_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    size_t room = b->failed ? 0 : b->capacity - b->len;
    va_list arguments, again;
    int needed;

    va_start(arguments, format);
    va_copy(again, arguments);
    needed = vsnprintf(room == 0 ? NULL : b->data + b->len, room, format, arguments);
    va_end(arguments);
    if (needed < 0) {
        b->failed = true;
    } else if ((size_t)needed < room) {
        b->len += (size_t)needed;
    } else if (buf_reserve(b, (size_t)needed + 1)) {
        (void)vsnprintf(b->data + b->len, (size_t)needed + 1, format, again);
        b->len += (size_t)needed;
    }
    va_end(again);
}

void buf_append_json(struct buf *b, struct span s)
{
    static const char hex[] = "0123456789abcdef";
    size_t plain = 0; /* start of the current run of bytes that need no escape */

    buf_append_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            continue;
        }
        buf_append(b, s.data + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            buf_append(b, (char[]){'\\', (char)c}, 2);
        } else {
            buf_append(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
    if (s.len > plain) {
        buf_append(b, s.data + plain, s.len - plain);
    }
    buf_append_char(b, '"');
}

void buf_append_latin1(struct buf *b, struct span s)
{
    size_t at = 0;

    while (at < s.len) {
        size_t same = at; /* as in UTF-8 */
        unsigned char c;

        while (same < s.len && (unsigned char)s.data[same] < 0x80) {
            same++;
        }
        buf_append(b, s.data + at, same - at);
        if (same < s.len) {
            c = (unsigned char)s.data[same++];
            buf_append(b, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))}, 2);
        }
        at = same;
    }
}

const char *buf_text(struct buf *b)
{
    if (!buf_reserve(b, 1)) {
        return "";
    }
    b->data[b->len] = '\0';
    return b->data;
}

struct span buf_span(const struct buf *b)
{
    return (struct span){b->data, b->len};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
