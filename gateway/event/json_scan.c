/* SPDX-License-Identifier: MIT */
#include "json_scan.h"

#include "text.h"

#include <string.h>

/* --- strings ------------------------------------------------------------------------ */

static void append_utf8(struct buf *out, unsigned code)
{
    if (code < 0x80) {
        buf_append_char(out, (char)code);
    } else if (code < 0x800) {
        buf_append_char(out, (char)(0xc0 | code >> 6));
        buf_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_append_char(out, (char)(0xe0 | code >> 12));
        buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_append_char(out, (char)(0xf0 | code >> 18));
        buf_append_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
        buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_append_char(out, (char)(0x80 | (code & 0x3f)));
    }
}

/* The value of the four hex digits at `at`; pass_escape has checked them. */
static unsigned unit_at(const char *at)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++) {
        unit = unit << 4 | (unsigned)text_hex_digit(at[i]);
    }
    return unit;
}

/* raw.data[*at] is the u of \uXXXX. Moves *at to the last digit, for a surrogate pair to that of its second
 * half. */
static bool unescape_unit(struct span raw, size_t *at, struct buf *out)
{
    unsigned unit = unit_at(raw.data + *at + 1), low;

    *at += 4;
    if (unit >= 0xdc00 && unit < 0xe000) {
        return false;
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
        if (raw.len - *at < 7 || raw.data[*at + 1] != '\\' || raw.data[*at + 2] != 'u') {
            return false;
        }
        low = unit_at(raw.data + *at + 3);
        *at += 6;
        if (low < 0xdc00 || low >= 0xe000) {
            return false;
        }
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, unit);
    return true;
}

bool json_scan_unescape(struct span raw, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.data[i] != '\\') {
            buf_append_char(out, raw.data[i]);
            continue;
        }
        i++;
        if (raw.data[i] != 'u') {
            buf_append_char(out, to[strchr(from, raw.data[i]) - from]);
        } else if (!unescape_unit(raw, &i, out)) {
            return false;
        }
    }
    return !out->failed;
}

/* --- documents ------------------------------------------------------------------------ */

char json_scan_peek(struct json_scan *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
    return (char)(c->at < c->end ? *c->at : '\0'); /* JSON allows no NUL */
}

bool json_scan_take(struct json_scan *c, char wanted)
{
    if (json_scan_peek(c) != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static bool pass_escape(struct json_scan *c)
{
    char kind = (char)(c->at < c->end ? *c->at : '\0');

    if (kind == '\0' || strchr("\"\\/bfnrtu", kind) == NULL) {
        return false;
    }
    c->at++;
    for (int i = 0; kind == 'u' && i < 4; i++) {
        if (c->at == c->end || text_hex_digit(*c->at) < 0) {
            return false;
        }
        c->at++;
    }
    return true;
}

bool json_scan_string(struct json_scan *c, struct span *raw)
{
    if (!json_scan_take(c, '"')) {
        return false;
    }
    raw->data = c->at;
    while (c->at < c->end && (unsigned char)*c->at >= 0x20) {
        char byte = *c->at++;

        if (byte == '"') {
            raw->len = (size_t)(c->at - 1 - raw->data);
            return true;
        }
        if (byte == '\\' && !pass_escape(c)) {
            return false;
        }
    }
    return false;
}

static bool pass_digits(struct json_scan *c)
{
    const char *begin = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        c->at++;
    }
    return c->at > begin;
}

bool json_scan_is_number(const struct json_scan *c)
{
    return c->at < c->end && (*c->at == '-' || (*c->at >= '0' && *c->at <= '9'));
}

static bool pass_number(struct json_scan *c)
{
    c->at += *c->at == '-';
    if (c->at < c->end && *c->at == '0') {
        c->at++;
    } else if (!pass_digits(c)) {
        return false;
    }
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!pass_digits(c)) {
            return false;
        }
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        c->at += c->at < c->end && (*c->at == '+' || *c->at == '-');
        return pass_digits(c);
    }
    return true;
}

static bool pass_word(struct json_scan *c, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0) {
        return false;
    }
    c->at += len;
    return true;
}

bool json_scan_scalar(struct json_scan *c)
{
    struct span raw;

    switch (json_scan_peek(c)) {
    case '"':
        return json_scan_string(c, &raw);
    case 't':
        return pass_word(c, "true");
    case 'f':
        return pass_word(c, "false");
    case 'n':
        return pass_word(c, "null");
    default:
        return json_scan_is_number(c) && pass_number(c);
    }
}

bool json_scan_key(struct json_scan *c, struct span *raw)
{
    return json_scan_string(c, raw) && json_scan_take(c, ':');
}

/* The open objects and arrays, one bit each: set for an object. */
struct nesting {
    unsigned char objects[JSONTEXT_DEPTH_MAX / 8];
    size_t depth;
};

static bool nest(struct nesting *n, bool object)
{
    unsigned bit = 1U << n->depth % 8;

    if (n->depth == JSONTEXT_DEPTH_MAX) {
        return false;
    }
    n->objects[n->depth / 8] = (unsigned char)((n->objects[n->depth / 8] & ~bit) | (object ? bit : 0));
    n->depth++;
    return true;
}

static bool in_object(const struct nesting *n)
{
    return (n->objects[(n->depth - 1) / 8] >> (n->depth - 1) % 8 & 1) != 0;
}

/* After a value: passes the closing brackets, a comma and a key. True at depth 0 or at the start of the next
 * value. */
static bool pass_ends(struct json_scan *c, struct nesting *n)
{
    struct span raw;

    while (n->depth > 0) {
        bool object = in_object(n);

        if (json_scan_take(c, ',')) {
            return !object || json_scan_key(c, &raw);
        }
        if (!json_scan_take(c, object ? '}' : ']')) {
            return false;
        }
        n->depth--;
    }
    return true;
}

bool json_scan_value(struct json_scan *c)
{
    struct nesting n = {.depth = 0};
    struct span raw;

    do {
        char first = json_scan_peek(c);

        if (first != '{' && first != '[') {
            if (!json_scan_scalar(c) || !pass_ends(c, &n)) {
                return false;
            }
            continue;
        }
        c->at++;
        if (!nest(&n, first == '{')) {
            return false;
        }
        if (json_scan_peek(c) == (first == '{' ? '}' : ']')) {
            if (!pass_ends(c, &n)) {
                return false;
            }
        } else if (first == '{' && !json_scan_key(c, &raw)) {
            return false;
        }
    } while (n.depth > 0);
    return true;
}
