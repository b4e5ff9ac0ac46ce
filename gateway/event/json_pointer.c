/* SPDX-License-Identifier: MIT */
#include "json_pointer.h"

#include "json_scan.h"
#include "text.h"

#include <string.h>

/* --- pointers ---------------------------------------------------------------------- */

const char *json_pointer_wrong(struct span text)
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

/* The pointer's first token; *rest is the pointer without it. */
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

/* False when the token is not an array index; "01" and "-" are not. */
static bool token_index(struct span token, size_t *index)
{
    int64_t number;

    if (!text_number(token, 9, &number) || (token.len > 1 && token.data[0] == '0')) {
        return false;
    }
    *index = (size_t)number;
    return true;
}

/* --- evaluation ----------------------------------------------------------------- */

/* A set of pointers: bit i is wants[i]. */
typedef unsigned set;

static const struct span nothing = {"", 0};

static bool visit(struct json_scan *c, struct json_pointer_want *wants, const struct span *rest, set active);

static void give(struct json_pointer_want *wants, set given, enum json_pointer_result result, struct span raw)
{
    for (size_t i = 0; given >> i != 0; i++) {
        if ((given >> i & 1) != 0) {
            wants[i].result = result;
            wants[i].raw = raw;
        }
    }
}

/* Splits the first token off each active pointer. */
static void split(const struct span *rest, set active, struct span *tokens, struct span *next)
{
    for (size_t i = 0; active >> i != 0; i++) {
        if ((active >> i & 1) != 0) {
            tokens[i] = first_token(rest[i], &next[i]);
        }
    }
}

/* The active pointers whose token is this key. `key` is for its text without escapes. */
static set match(struct span raw, const struct span *tokens, set active, struct buf *key)
{
    set matched = 0;

    if (memchr(raw.data, '\\', raw.len) != NULL) {
        buf_clear(key);
        if (!json_scan_unescape(raw, key)) {
            return 0;
        }
        raw = buf_span(key);
    }
    for (size_t i = 0; active >> i != 0; i++) {
        if ((active >> i & 1) != 0 && token_is(tokens[i], raw)) {
            matched |= 1U << i;
        }
    }
    return matched;
}

static bool visit_members(struct json_scan *c, struct json_pointer_want *wants, const struct span *rest,
                          set active)
{
    struct span tokens[JSON_POINTERS_MAX], next[JSON_POINTERS_MAX], raw;
    struct buf key = {0};
    set met = 0;
    bool fine;

    c->at++;
    if (json_scan_take(c, '}')) {
        return true;
    }
    split(rest, active, tokens, next);
    do {
        fine = json_scan_key(c, &raw);
        if (fine) {
            set matched = match(raw, tokens, active, &key);

            give(wants, matched & met, JSON_POINTER_AMBIGUOUS, nothing);
            fine = visit(c, wants, next, matched & ~met);
            met |= matched;
        }
    } while (fine && json_scan_take(c, ','));
    buf_free(&key);
    return fine && json_scan_take(c, '}');
}

static bool visit_items(struct json_scan *c, struct json_pointer_want *wants, const struct span *rest,
                        set active)
{
    struct span tokens[JSON_POINTERS_MAX], next[JSON_POINTERS_MAX];
    size_t index = 0;
    bool fine;

    c->at++;
    if (json_scan_take(c, ']')) {
        return true;
    }
    split(rest, active, tokens, next);
    do {
        set matched = 0;

        for (size_t i = 0; active >> i != 0; i++) {
            size_t wanted;

            if ((active >> i & 1) != 0 && token_index(tokens[i], &wanted) && wanted == index) {
                matched |= 1U << i;
            }
        }
        active &= ~matched;
        index++;
        fine = visit(c, wants, next, matched);
    } while (fine && json_scan_take(c, ','));
    return fine && json_scan_take(c, ']');
}

/* A value to which these pointers lead. */
static bool take_value(struct json_scan *c, struct json_pointer_want *wants, set here)
{
    bool string = json_scan_peek(c) == '"', number = json_scan_is_number(c);
    const char *begin = c->at;
    struct span raw;

    if (string) {
        if (!json_scan_string(c, &raw)) {
            return false;
        }
        give(wants, here, JSON_POINTER_STRING, raw);
        return true;
    }
    if (!json_scan_value(c)) {
        return false;
    }
    raw = (struct span){begin, (size_t)(c->at - begin)};
    give(wants, here, number ? JSON_POINTER_NUMBER : JSON_POINTER_OTHER, number ? raw : nothing);
    return true;
}

/* Passes over the value at the cursor, to which the active pointers lead but for what is left of them.
 * Recurses once for each token. False when the document is not well-formed. */
static bool visit(struct json_scan *c, struct json_pointer_want *wants, const struct span *rest, set active)
{
    char first = json_scan_peek(c);
    set deeper = 0;

    for (size_t i = 0; active >> i != 0; i++) {
        if ((active >> i & 1) != 0 && rest[i].len > 0) {
            deeper |= 1U << i;
        }
    }
    if (deeper == 0 || (first != '{' && first != '[')) {
        return take_value(c, wants, active & ~deeper);
    }
    give(wants, active & ~deeper, JSON_POINTER_OTHER, nothing);
    return first == '{' ? visit_members(c, wants, rest, deeper) : visit_items(c, wants, rest, deeper);
}

void json_pointer_find_all(struct span document, struct json_pointer_want *wants, size_t count)
{
    static const char mark[] = "\xef\xbb\xbf";
    const set all = (1U << count) - 1;
    struct json_scan c = {document.data, document.data + document.len};
    struct span rest[JSON_POINTERS_MAX] = {{NULL, 0}};
    bool fine = document.len > 0;

    give(wants, all, JSON_POINTER_ABSENT, nothing);
    for (size_t i = 0; i < count; i++) {
        rest[i] = wants[i].pointer;
    }
    if (document.len >= sizeof mark - 1 && memcmp(document.data, mark, sizeof mark - 1) == 0) {
        c.at += sizeof mark - 1;
    }
    fine = fine && visit(&c, wants, rest, all) && json_scan_peek(&c) == '\0' && c.at == c.end;
    if (!fine) {
        give(wants, all, JSON_POINTER_NO_JSON, nothing);
    }
}

enum json_pointer_result json_pointer_find(struct span document, struct span pointer, struct span *raw)
{
    struct json_pointer_want want = {.pointer = pointer};

    json_pointer_find_all(document, &want, 1);
    if (want.result == JSON_POINTER_STRING || want.result == JSON_POINTER_NUMBER) {
        *raw = want.raw;
    }
    return want.result;
}
