/* SPDX-License-Identifier: MIT */
#include "encoding.h"

#include <string.h>

#define PADDING 64 /* its place behind the digits */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

bool encoding_of(struct span name, enum encoding *encoding)
{
    if (span_equal(name, SPAN_LITERAL("hex"))) {
        *encoding = ENCODING_HEX;
        return true;
    }
    *encoding = ENCODING_BASE64;
    return span_equal(name, SPAN_LITERAL("base64"));
}

const char *encoding_name(enum encoding encoding)
{
    return encoding == ENCODING_HEX ? "hex" : "base64";
}

size_t encoding_length(enum encoding encoding, size_t len)
{
    return encoding == ENCODING_HEX ? 2 * len : (len + 2) / 3 * 4;
}

static void write_base64(const unsigned char *bytes, size_t len, char *text)
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

void encoding_write(enum encoding encoding, const unsigned char *bytes, size_t len, char *text)
{
    static const char hex_digits[] = "0123456789abcdef";

    if (encoding == ENCODING_BASE64) {
        write_base64(bytes, len, text);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        *text++ = hex_digits[bytes[i] >> 4];
        *text++ = hex_digits[bytes[i] & 15];
    }
}

/* A branch-free look-up would hide nothing: only texts that a sender chose, or settings, come here. */
static int digit_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(base64_digits, c);

    return at == NULL || at == base64_digits + PADDING ? -1 : (int)(at - base64_digits);
}

bool encoding_read_base64(struct span text, struct buf *bytes)
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
