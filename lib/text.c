/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <string.h>

#define PADDING 64 /* index of '=' in base64_digits */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span text_trim(struct span text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = (struct span){text.data + 1, text.len - 1};
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

bool text_begins(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && (len == 0 || memcmp(text.data, prefix, len) == 0);
}

bool text_is_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

bool text_number(struct span text, size_t most, int64_t *number)
{
    if (text.len == 0 || text.len > most || !text_is_digits(text)) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        *number = *number * 10 + (text.data[i] - '0');
    }
    return true;
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void text_write_hex(const unsigned char *bytes, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
}

bool text_read_hex(struct span text, struct buf *bytes)
{
    size_t before = bytes->len;
    bool fine = text.len % 2 == 0;

    for (size_t i = 0; i < text.len && fine; i += 2) {
        int high = text_hex_digit(text.data[i]), low = text_hex_digit(text.data[i + 1]);

        fine = high >= 0 && low >= 0;
        if (fine) {
            buf_append_char(bytes, (char)(high << 4 | low));
        }
    }
    if (!fine || bytes->failed) {
        bytes->len = before;
        return false;
    }
    return true;
}

void text_write_base64(const unsigned char *bytes, size_t len, char *text)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t rest = len - i;
        unsigned group = (unsigned)bytes[i] << 16;

        group |= rest > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= rest > 2 ? bytes[i + 2] : 0;
        *text++ = base64_digits[group >> 18];
        *text++ = base64_digits[group >> 12 & 63];
        *text++ = base64_digits[rest > 1 ? group >> 6 & 63 : PADDING];
        *text++ = base64_digits[rest > 2 ? group & 63 : PADDING];
    }
}

/* The value of a base64 digit; -1 for other characters. Needn't run in constant time: the text is a sender's
 * own or a setting read at start. */
static int digit_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(base64_digits, c);

    return at == NULL || at == base64_digits + PADDING ? -1 : (int)(at - base64_digits);
}

bool text_read_base64(struct span text, struct buf *bytes)
{
    size_t before = bytes->len;
    unsigned bits = 0, held = 0;

    if (text.len % 4 == 0) {
        for (int pad = 0; pad < 2 && text.len > 0 && text.data[text.len - 1] == '='; pad++) {
            text.len--;
        }
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.data[i]);

        if (digit < 0) {
            bytes->len = before;
            return false;
        }
        bits = bits << 6 | (unsigned)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_append_char(bytes, (char)(unsigned char)(bits >> held & 0xff));
            bits &= (1u << held) - 1;
        }
    }
    if (bits != 0 || held == 6 || bytes->failed) {
        bytes->len = before;
        return false;
    }
    return true;
}
