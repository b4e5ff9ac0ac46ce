/* SPDX-License-Identifier: MIT */
#include "encoding.h"

#include "text.h"

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
    return encoding == ENCODING_HEX ? 2 * len : TEXT_BASE64_LENGTH(len);
}

void encoding_write(enum encoding encoding, const unsigned char *bytes, size_t len, char *text)
{
    if (encoding == ENCODING_HEX) {
        text_write_hex(bytes, len, text);
    } else {
        text_write_base64(bytes, len, text);
    }
}

bool encoding_read(enum encoding encoding, struct span text, struct buf *bytes)
{
    return encoding == ENCODING_HEX ? text_read_hex(text, bytes) : text_read_base64(text, bytes);
}
