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

static bool key_is(struct span raw, struct span token)
{
    struct buf key = {0};
    bool same;

    if (memchr(raw.data, '\\', raw.len) == NULL) {
        return token_is(token, raw);
    }
    same = json_scan_unescape(raw, &key) && token_is(token, buf_span(&key));
    buf_free(&key);
    return same;
}

/* --- evaluation ----------------------------------------------------------------- */

static enum json_pointer_result find(struct json_scan *c, struct span pointer, struct span *raw);

/* Passes over the value at the cursor. When `wanted`, evaluates the rest of the pointer on it and sets
 * *found. False when the document is not well-formed. */
static bool meet(struct json_scan *c, bool wanted, struct span rest, enum json_pointer_result *found,
                 struct span *raw)
{
    if (!wanted) {
        return json_scan_value(c);
    }
    *found = find(c, rest, raw);
    return *found != JSON_POINTER_NO_JSON;
}

static enum json_pointer_result find_member(struct json_scan *c, struct span token, struct span rest,
                                            struct span *raw)
{
    enum json_pointer_result found = JSON_POINTER_ABSENT;
    bool met = false;

    c->at++;
    if (json_scan_take(c, '}')) {
        return JSON_POINTER_ABSENT;
    }
    do {
        struct span key;
        bool wanted;

        if (!json_scan_key(c, &key)) {
            return JSON_POINTER_NO_JSON;
        }
        wanted = key_is(key, token);
        if (wanted && met) {
            found = JSON_POINTER_AMBIGUOUS;
        }
        if (!meet(c, wanted && !met, rest, &found, raw)) {
            return JSON_POINTER_NO_JSON;
        }
        met |= wanted;
    } while (json_scan_take(c, ','));
    return json_scan_take(c, '}') ? found : JSON_POINTER_NO_JSON;
}

static enum json_pointer_result find_item(struct json_scan *c, struct span token, struct span rest,
                                          struct span *raw)
{
    enum json_pointer_result found = JSON_POINTER_ABSENT;
    size_t wanted = 0, index = 0;
    bool is_index = token_index(token, &wanted);

    c->at++;
    if (json_scan_take(c, ']')) {
        return JSON_POINTER_ABSENT;
    }
    do {
        if (!meet(c, is_index && index == wanted, rest, &found, raw)) {
            return JSON_POINTER_NO_JSON;
        }
        index++;
    } while (json_scan_take(c, ','));
    return json_scan_take(c, ']') ? found : JSON_POINTER_NO_JSON;
}

static enum json_pointer_result find_here(struct json_scan *c, struct span *raw)
{
    bool string = json_scan_peek(c) == '"', number = json_scan_is_number(c);
    const char *begin = c->at;

    if (string) {
        return json_scan_string(c, raw) ? JSON_POINTER_STRING : JSON_POINTER_NO_JSON;
    }
    if (!json_scan_value(c)) {
        return JSON_POINTER_NO_JSON;
    }
    if (number) {
        *raw = (struct span){begin, (size_t)(c->at - begin)};
        return JSON_POINTER_NUMBER;
    }
    return JSON_POINTER_OTHER;
}

/* Recurses once for each token of the pointer. */
static enum json_pointer_result find(struct json_scan *c, struct span pointer, struct span *raw)
{
    struct span rest, token;
    char first;

    if (pointer.len == 0) {
        return find_here(c, raw);
    }
    token = first_token(pointer, &rest);
    first = json_scan_peek(c);
    if (first == '{') {
        return find_member(c, token, rest, raw);
    }
    if (first == '[') {
        return find_item(c, token, rest, raw);
    }
    return json_scan_scalar(c) ? JSON_POINTER_ABSENT : JSON_POINTER_NO_JSON;
}

enum json_pointer_result json_pointer_find(struct span document, struct span pointer, struct span *raw)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct json_scan c = {document.data, document.data + document.len};
    enum json_pointer_result found;

    if (document.len == 0) {
        return JSON_POINTER_NO_JSON;
    }
    if (document.len >= sizeof mark - 1 && memcmp(document.data, mark, sizeof mark - 1) == 0) {
        c.at += sizeof mark - 1;
    }
    found = find(&c, pointer, raw);
    return json_scan_peek(&c) == '\0' && c.at == c.end ? found : JSON_POINTER_NO_JSON;
}
