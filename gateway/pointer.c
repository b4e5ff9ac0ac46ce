/* SPDX-License-Identifier: MIT */
#include "pointer.h"

#include <string.h>

struct cursor {
    const char *at, *end;
};

/* --- pointers ---------------------------------------------------------------------- */

const char *pointer_wrong(struct span text)
{
    size_t tokens = 0;

    if (text.len > 0 && text.data[0] != '/') {
        return "doesn't begin with /";
    }
    for (size_t i = 0; i < text.len; i++) {
        tokens += text.data[i] == '/';
        if (text.data[i] == '~' &&
            (i + 1 == text.len || (text.data[i + 1] != '0' && text.data[i + 1] != '1'))) {
            return "has a ~ that isn't part of ~0 or ~1";
        }
    }
    return tokens > POINTER_TOKENS_MAX ? "has more than 16 parts" : NULL;
}

/* The pointer's first token; *rest is what follows it. */
static struct span first_token(struct span pointer, struct span *rest)
{
    struct span token = {pointer.data + 1, pointer.len - 1};
    const char *slash = memchr(token.data, '/', token.len);

    if (slash != NULL) {
        token.len = (size_t)(slash - token.data);
    }
    *rest = (struct span){token.data + token.len, pointer.len - 1 - token.len};
    return token;
}

/* ~1 stands for /, ~0 for ~. */
static bool token_is(struct span token, struct span key)
{
    size_t at = 0;

    for (size_t i = 0; i < token.len; i++, at++) {
        char c = token.data[i];

        if (c == '~') {
            c = token.data[++i] == '1' ? '/' : '~';
        }
        if (at == key.len || key.data[at] != c) {
            return false;
        }
    }
    return at == key.len;
}

/* False: it is no index, as "01" or "-" are none. */
static bool token_index(struct span token, size_t *index)
{
    *index = 0;
    if (token.len == 0 || token.len > 9 || (token.len > 1 && token.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] < '0' || token.data[i] > '9') {
            return false;
        }
        *index = *index * 10 + (size_t)(token.data[i] - '0');
    }
    return true;
}

/* --- strings ------------------------------------------------------------------------ */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

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

/* Four hex digits at `at`; the scan has seen to it that they are there. */
static unsigned unit_at(const char *at)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++) {
        unit = unit << 4 | (unsigned)hex_of(at[i]);
    }
    return unit;
}

/* raw.data[*at] is the u of \uXXXX; moves to its last digit, or to that of its pair. */
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

bool pointer_unescape(struct span raw, struct buf *out)
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

static bool key_is(struct span raw, struct span token)
{
    struct buf key = {0};
    bool same;

    if (memchr(raw.data, '\\', raw.len) == NULL) {
        return token_is(token, raw);
    }
    same = pointer_unescape(raw, &key) && token_is(token, buf_span(&key));
    buf_free(&key);
    return same;
}

/* --- documents ------------------------------------------------------------------------ */

static char peek(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
    return (char)(c->at < c->end ? *c->at : '\0'); /* NUL stands nowhere in JSON */
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static bool pass_escape(struct cursor *c)
{
    char kind = (char)(c->at < c->end ? *c->at++ : '\0');

    if (kind != 'u') {
        return kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL;
    }
    for (int i = 0; i < 4; i++) {
        if (c->at == c->end || hex_of(*c->at++) < 0) {
            return false;
        }
    }
    return true;
}

/* *raw is what stands between the quotes. */
static bool pass_string(struct cursor *c, struct span *raw)
{
    if (!take(c, '"')) {
        return false;
    }
    raw->data = c->at;
    while (c->at < c->end) {
        unsigned char byte = (unsigned char)*c->at++;

        if (byte == '"') {
            raw->len = (size_t)(c->at - 1 - raw->data);
            return true;
        }
        if (byte < 0x20 || (byte == '\\' && !pass_escape(c))) {
            return false;
        }
    }
    return false;
}

static bool pass_digits(struct cursor *c)
{
    const char *begin = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        c->at++;
    }
    return c->at > begin;
}

static bool starts_number(struct cursor c)
{
    return c.at < c.end && (*c.at == '-' || (*c.at >= '0' && *c.at <= '9'));
}

static bool pass_number(struct cursor *c)
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

static bool pass_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0) {
        return false;
    }
    c->at += len;
    return true;
}

/* A value that is neither object nor array. */
static bool pass_scalar(struct cursor *c)
{
    struct span raw;

    switch (peek(c)) {
    case '"':
        return pass_string(c, &raw);
    case 't':
        return pass_word(c, "true");
    case 'f':
        return pass_word(c, "false");
    case 'n':
        return pass_word(c, "null");
    default:
        return starts_number(*c) && pass_number(c);
    }
}

static bool pass_key(struct cursor *c, struct span *raw)
{
    return pass_string(c, raw) && take(c, ':');
}

/* Objects and arrays that are open, one bit each. */
struct nesting {
    unsigned char objects[POINTER_DEPTH_MAX / 8];
    size_t depth;
};

static bool nest(struct nesting *n, bool object)
{
    unsigned bit = 1U << n->depth % 8;

    if (n->depth == POINTER_DEPTH_MAX) {
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

/* After a value: closes what ends here. True with depth 0, or where the next value begins. */
static bool pass_ends(struct cursor *c, struct nesting *n)
{
    struct span raw;

    while (n->depth > 0) {
        bool object = in_object(n);

        if (take(c, ',')) {
            return !object || pass_key(c, &raw);
        }
        if (!take(c, object ? '}' : ']')) {
            return false;
        }
        n->depth--;
    }
    return true;
}

static bool pass_value(struct cursor *c)
{
    struct nesting n = {.depth = 0};
    struct span raw;

    do {
        char first = peek(c);

        if (first != '{' && first != '[') {
            if (!pass_scalar(c) || !pass_ends(c, &n)) {
                return false;
            }
            continue;
        }
        c->at++;
        if (!nest(&n, first == '{')) {
            return false;
        }
        if (peek(c) == (first == '{' ? '}' : ']')) {
            if (!pass_ends(c, &n)) {
                return false;
            }
        } else if (first == '{' && !pass_key(c, &raw)) {
            return false;
        }
    } while (n.depth > 0);
    return true;
}

/* --- the way to the value ----------------------------------------------------------------- */

static enum pointer_result find(struct cursor *c, struct span pointer, struct span *raw);

/* The value here is on the way when `wanted`: *found is then what it leads to. False: no JSON. */
static bool meet(struct cursor *c, bool wanted, struct span rest, enum pointer_result *found,
                 struct span *raw)
{
    if (!wanted) {
        return pass_value(c);
    }
    *found = find(c, rest, raw);
    return *found != POINTER_NO_JSON;
}

static enum pointer_result find_member(struct cursor *c, struct span token, struct span rest,
                                       struct span *raw)
{
    enum pointer_result found = POINTER_ABSENT;
    bool met = false;

    c->at++;
    if (take(c, '}')) {
        return POINTER_ABSENT;
    }
    do {
        struct span key;
        bool wanted;

        if (!pass_key(c, &key)) {
            return POINTER_NO_JSON;
        }
        wanted = key_is(key, token);
        if (wanted && met) {
            found = POINTER_AMBIGUOUS;
        }
        if (!meet(c, wanted && !met, rest, &found, raw)) {
            return POINTER_NO_JSON;
        }
        met |= wanted;
    } while (take(c, ','));
    return take(c, '}') ? found : POINTER_NO_JSON;
}

static enum pointer_result find_item(struct cursor *c, struct span token, struct span rest, struct span *raw)
{
    enum pointer_result found = POINTER_ABSENT;
    size_t wanted, index = 0;
    bool is_index = token_index(token, &wanted);

    c->at++;
    if (take(c, ']')) {
        return POINTER_ABSENT;
    }
    do {
        if (!meet(c, is_index && index == wanted, rest, &found, raw)) {
            return POINTER_NO_JSON;
        }
        index++;
    } while (take(c, ','));
    return take(c, ']') ? found : POINTER_NO_JSON;
}

static enum pointer_result find_here(struct cursor *c, struct span *raw)
{
    bool string = peek(c) == '"', number = starts_number(*c);
    const char *begin = c->at;

    if (string) {
        return pass_string(c, raw) ? POINTER_STRING : POINTER_NO_JSON;
    }
    if (!pass_value(c)) {
        return POINTER_NO_JSON;
    }
    if (number) {
        *raw = (struct span){begin, (size_t)(c->at - begin)};
        return POINTER_NUMBER;
    }
    return POINTER_OTHER;
}

/* As deep as the pointer has tokens. */
static enum pointer_result find(struct cursor *c, struct span pointer, struct span *raw)
{
    struct span rest, token;
    char first;

    if (pointer.len == 0) {
        return find_here(c, raw);
    }
    token = first_token(pointer, &rest);
    first = peek(c);
    if (first == '{') {
        return find_member(c, token, rest, raw);
    }
    if (first == '[') {
        return find_item(c, token, rest, raw);
    }
    return pass_scalar(c) ? POINTER_ABSENT : POINTER_NO_JSON;
}

enum pointer_result pointer_find(struct span document, struct span pointer, struct span *raw)
{
    struct cursor c = {document.data, document.data + document.len};
    enum pointer_result found;

    if (document.len == 0) {
        return POINTER_NO_JSON;
    }
    found = find(&c, pointer, raw);
    return peek(&c) == '\0' && c.at == c.end ? found : POINTER_NO_JSON;
}
