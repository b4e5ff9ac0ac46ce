/* SPDX-License-Identifier: MIT */
#include "encoding.h"

#include "text.h"

#include <string.h>

static const char *const names[] = {
    [ENCODING_HEX] = "hex", [ENCODING_BASE64] = "base64", [ENCODING_BASE64URL] = "base64url"};

bool encoding_of(struct span name, enum encoding *encoding)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_equal(name, span_of(names[i]))) {
            *encoding = (enum encoding)i;
            return true;
        }
    }
    return false;
}

const char *encoding_name(enum encoding encoding)
{
    return names[encoding];
}

size_t encoding_length(enum encoding encoding, size_t len)
{
    return encoding == ENCODING_HEX ? 2 * len : TEXT_BASE64_LENGTH(len);
}

/* Replaces the two characters in which base64 and base64url differ. */
static void replace(char *text, size_t len, const char from[2], const char to[2])
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == from[0]) {
            text[i] = to[0];
        } else if (text[i] == from[1]) {
            text[i] = to[1];
        }
    }
}

void encoding_write(enum encoding encoding, const unsigned char *bytes, size_t len, char *text)
{
    if (encoding == ENCODING_HEX) {
        text_write_hex(bytes, len, text);
        return;
    }
    text_write_base64(bytes, len, text);
    if (encoding == ENCODING_BASE64URL) {
        replace(text, TEXT_BASE64_LENGTH(len), "+/", "-_");
    }
}

static bool read_base64url(struct span text, struct buf *bytes)
{
    struct buf plain = {0};
    bool fine = false;

    if (text.len > 0 &&
        (memchr(text.data, '+', text.len) != NULL || memchr(text.data, '/', text.len) != NULL)) {
        return false;
    }
    buf_append_span(&plain, text);
    if (plain.failed) {
        bytes->failed = true;
    } else {
        replace(plain.data, plain.len, "-_", "+/");
        fine = text_read_base64(buf_span(&plain), bytes);
    }
    buf_free(&plain);
    return fine;
}

bool encoding_read(enum encoding encoding, struct span text, struct buf *bytes)
{
    switch (encoding) {
    case ENCODING_HEX:
        return text_read_hex(text, bytes);
    case ENCODING_BASE64:
        return text_read_base64(text, bytes);
    case ENCODING_BASE64URL:
        return read_base64url(text, bytes);
    }
    return false;
}
