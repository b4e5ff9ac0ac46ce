/* SPDX-License-Identifier: MIT */
#include "chunks.h"

#include "text.h"

#include <string.h>

void chunks_begin(struct chunks *c, uint64_t limit)
{
    *c = (struct chunks){.step = CHUNKS_SIZE, .limit = limit};
}

/* Allowed in a field line or a chunk extension (RFC 9110, 5.5). */
static bool is_field_byte(char byte)
{
    return byte == '\t' || ((unsigned char)byte >= 0x20 && byte != 0x7f);
}

static enum chunks_result take_digit(struct chunks *c, char byte)
{
    if (c->digits == CHUNKS_SIZE_DIGITS_MAX) {
        return CHUNKS_BAD;
    }
    c->digits++;
    c->size = c->size << 4 | (uint64_t)text_hex_digit(byte);
    return CHUNKS_MORE;
}

/* Takes one byte of a size line; sets the step. */
static enum chunks_result take_size(struct chunks *c, char byte)
{
    if (++c->line > CHUNKS_LINE_MAX) {
        return CHUNKS_BAD;
    }
    if (c->step == CHUNKS_SIZE && text_hex_digit(byte) >= 0) {
        return take_digit(c, byte);
    }
    if (c->digits == 0) {
        return CHUNKS_BAD;
    }
    if (byte == '\r' && c->step != CHUNKS_BEFORE_EXTENSION) {
        c->step = CHUNKS_SIZE_LF;
    } else if (c->step == CHUNKS_EXTENSION) {
        return is_field_byte(byte) ? CHUNKS_MORE : CHUNKS_BAD;
    } else if (byte == ';') {
        c->step = CHUNKS_EXTENSION;
    } else if (byte == ' ' || byte == '\t') {
        c->step = CHUNKS_BEFORE_EXTENSION;
    } else {
        return CHUNKS_BAD;
    }
    return CHUNKS_MORE;
}

static enum chunks_result end_size(struct chunks *c)
{
    c->step = c->size == 0 ? CHUNKS_TRAILER_BEGIN : CHUNKS_DATA;
    if (c->size > c->limit - c->announced) {
        return CHUNKS_LARGE;
    }
    c->announced += c->size;
    c->left = c->size;
    c->size = 0;
    c->digits = c->line = 0;
    return CHUNKS_MORE;
}

static enum chunks_result take_trailer(struct chunks *c, char byte)
{
    if (++c->trailers > CHUNKS_TRAILERS_MAX) {
        return CHUNKS_BAD;
    }
    if (byte == '\r') {
        c->step = c->step == CHUNKS_TRAILER_BEGIN ? CHUNKS_LAST_LF : CHUNKS_TRAILER_LF;
        return CHUNKS_MORE;
    }
    c->step = CHUNKS_TRAILER;
    return is_field_byte(byte) ? CHUNKS_MORE : CHUNKS_BAD;
}

static enum chunks_result expect(struct chunks *c, bool met, enum chunks_step next)
{
    c->step = next;
    return met ? CHUNKS_MORE : CHUNKS_BAD;
}

/* Takes one byte that is not data. */
static enum chunks_result take(struct chunks *c, char byte)
{
    switch (c->step) {
    case CHUNKS_SIZE:
    case CHUNKS_BEFORE_EXTENSION:
    case CHUNKS_EXTENSION:
        return take_size(c, byte);
    case CHUNKS_SIZE_LF:
        return byte == '\n' ? end_size(c) : CHUNKS_BAD;
    case CHUNKS_DATA:
        break; /* not here */
    case CHUNKS_DATA_CR:
        return expect(c, byte == '\r', CHUNKS_DATA_LF);
    case CHUNKS_DATA_LF:
        return expect(c, byte == '\n', CHUNKS_SIZE);
    case CHUNKS_TRAILER_BEGIN:
    case CHUNKS_TRAILER:
        return take_trailer(c, byte);
    case CHUNKS_TRAILER_LF:
        return expect(c, byte == '\n', CHUNKS_TRAILER_BEGIN);
    case CHUNKS_LAST_LF:
        return byte == '\n' ? CHUNKS_END : CHUNKS_BAD;
    }
    return CHUNKS_BAD;
}

enum chunks_result chunks_read(struct chunks *c, char *bytes, size_t len, size_t *used, size_t *kept)
{
    enum chunks_result result = CHUNKS_MORE;
    size_t in = 0, out = 0;

    while (in < len && result == CHUNKS_MORE) {
        if (c->step == CHUNKS_DATA) {
            size_t part = c->left < len - in ? (size_t)c->left : len - in;

            memmove(bytes + out, bytes + in, part);
            in += part;
            out += part;
            c->left -= part;
            c->step = c->left == 0 ? CHUNKS_DATA_CR : CHUNKS_DATA;
        } else {
            result = take(c, bytes[in++]);
        }
    }
    *used = in;
    *kept = out;
    return result;
}
