/* SPDX-License-Identifier: MIT */
#include "sql_text.h"

#include <inttypes.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '\'' && c != '\\' && c != '$';
}

void sql_append_literal(struct buf *sql, struct span text)
{
    bool plain = true;

    for (size_t i = 0; i < text.len; i++) {
        plain = plain && is_plain(text.data[i]);
    }
    buf_append_text(sql, plain ? "'" : "E'");
    for (size_t i = 0; i < text.len;) {
        uint32_t point = '?';
        size_t len = span_character((struct span){text.data + i, text.len - i}, &point);

        if (len == 1 && is_plain(text.data[i])) {
            buf_append_char(sql, text.data[i]);
        } else if (point == '\'' || point == '\\') {
            buf_printf(sql, "\\%c", (int)point);
        } else {
            buf_printf(sql, point > 0xffff ? "\\U%08" PRIX32 : "\\u%04" PRIX32, point);
        }
        i += len == 0 ? 1 : len;
    }
    buf_append_char(sql, '\'');
}

void sql_append_name(struct buf *name, struct span text)
{
    bool small = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (is_one_of(UPPER, c)) {
            buf_append_text(name, small ? "_" : "");
            buf_append_char(name, (char)(c - 'A' + 'a'));
        } else if (is_one_of(LOWER DIGITS, c)) {
            buf_append_char(name, c);
        } else if (((unsigned char)c & 0xc0) != 0x80) { /* the first byte of a character */
            buf_append_char(name, '_');
        }
        small = is_one_of(LOWER DIGITS, c);
    }
}

bool sql_is_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < SQL_NAME_SIZE && strspn(text, LOWER UPPER DIGITS "_") == len;
}
