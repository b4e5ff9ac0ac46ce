/* SPDX-License-Identifier: MIT */
#include "gateway/http/chunks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A second reader of the chunked coding, which has the whole body before it: what RFC 9112, 7.1, says, rule
 * after rule. */
struct text {
    const char *at, *end;
};

enum found { FOUND, NOT_YET, WRONG };

static int hex(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF", *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)((at - digits) % 16);
}

/* Up to a CR, of characters that a field may hold; then CR and LF. */
static enum found skip_line(struct text *t, size_t most)
{
    for (size_t i = 0; t->at + i < t->end; i++) {
        unsigned char c = (unsigned char)t->at[i];

        if (i >= most) {
            return WRONG;
        }
        if (c == '\r') {
            if (t->at + i + 1 == t->end) {
                return NOT_YET;
            }
            t->at += i + 2;
            return t->at[-1] == '\n' ? FOUND : WRONG;
        }
        if (c == 0x7f || (c < 0x20 && c != '\t')) {
            return WRONG;
        }
    }
    return NOT_YET;
}

static enum found read_size(struct text *t, uint64_t *size)
{
    const char *begin = t->at;
    bool blank = false;

    for (*size = 0; t->at < t->end && hex(*t->at) >= 0; t->at++) {
        if (t->at - begin == CHUNKS_SIZE_DIGITS_MAX) {
            return WRONG;
        }
        *size = *size * 16 + (uint64_t)hex(*t->at);
    }
    if (t->at == t->end) {
        return NOT_YET;
    }
    if (t->at == begin) {
        return WRONG;
    }
    for (; t->at < t->end && (*t->at == ' ' || *t->at == '\t'); t->at++) {
        blank = true;
        if (t->at - begin >= CHUNKS_LINE_MAX) {
            return WRONG;
        }
    }
    if (t->at == t->end) {
        return NOT_YET;
    }
    if (*t->at != ';' && (*t->at != '\r' || blank)) {
        return WRONG;
    }
    return skip_line(t, CHUNKS_LINE_MAX - (size_t)(t->at - begin));
}

static enum found skip_trailers(struct text *t)
{
    const char *begin = t->at;

    for (;;) {
        const char *line = t->at;
        /* the CR counts, its LF doesn't */
        size_t lines = 0;
        enum found found;

        for (const char *c = begin; c < line; c++) {
            lines += *c == '\n';
        }
        found = skip_line(t, CHUNKS_TRAILERS_MAX - ((size_t)(line - begin) - lines));
        if (found != FOUND || t->at - line == 2) {
            return found;
        }
    }
}

/* Writes the data to out, which has room for it. */
static enum found read_all(struct text *t, uint64_t limit, bool *large, char **out)
{
    uint64_t announced = 0, size;

    for (;;) {
        enum found found = read_size(t, &size);

        if (found != FOUND) {
            return found;
        }
        *large = size > limit - announced;
        if (*large) {
            return WRONG;
        }
        announced += size;
        if (size == 0) {
            return skip_trailers(t);
        }
        for (uint64_t i = 0; i < size; i++) {
            if (t->at == t->end) {
                return NOT_YET;
            }
            *(*out)++ = *t->at++;
        }
        if ((t->at < t->end && t->at[0] != '\r') || (t->at + 1 < t->end && t->at[1] != '\n')) {
            return WRONG;
        }
        if (t->end - t->at < 2) {
            return NOT_YET;
        }
        t->at += 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes say in which pieces the others come, and the limit. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size > 0 ? data[0] % 32 + 1 : 1, in = 2, used, kept, out_len = 0;
    uint64_t limit = size > 1 && data[1] != 0 ? data[1] : UINT64_MAX;
    char *out = malloc(size + 1), *expected = malloc(size + 8), *end = expected;
    enum chunks_result result = CHUNKS_MORE;
    struct text text = {(const char *)data + 2, (const char *)data + size};
    struct chunks chunks;
    bool large = false;
    enum found found;

    if (size < 2 || out == NULL || expected == NULL) {
        free(out);
        free(expected);
        return 0;
    }
    chunks_begin(&chunks, limit);
    while (in < size && result == CHUNKS_MORE) {
        size_t len = piece < size - in ? piece : size - in;

        memcpy(out + out_len, data + in, len);
        result = chunks_read(&chunks, out + out_len, len, &used, &kept);
        if (used > len || kept > used || (result == CHUNKS_MORE && used != len)) {
            abort();
        }
        in += used;
        out_len += kept;
    }
    found = read_all(&text, limit, &large, &end);
    if ((found == FOUND) != (result == CHUNKS_END) || (found == NOT_YET) != (result == CHUNKS_MORE) ||
        large != (result == CHUNKS_LARGE)) {
        abort();
    }
    if (result == CHUNKS_END && (text.at != (const char *)data + in || out_len != (size_t)(end - expected) ||
                                 memcmp(out, expected, out_len) != 0)) {
        abort();
    }
    free(out);
    free(expected);
    return 0;
}
