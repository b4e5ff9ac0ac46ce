/* SPDX-License-Identifier: MIT */
#include "json_pointer.h"

#include "json_scan.h"
#include "text.h"

#include <string.h>

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
    same = jsontext_unescape(raw, &key) && token_is(token, buf_span(&key));
    buf_free(&key);
    return same;
}

/* --- the way to the value ----------------------------------------------------------------- */

static enum pointer_result find(struct jsontext *c, struct span pointer, struct span *raw);

/* The value here is on the way when `wanted`: *found is then what it leads to. False: no JSON. */
static bool meet(struct jsontext *c, bool wanted, struct span rest, enum pointer_result *found,
                 struct span *raw)
{
    if (!wanted) {
        return jsontext_value(c);
    }
    *found = find(c, rest, raw);
    return *found != POINTER_NO_JSON;
}

static enum pointer_result find_member(struct jsontext *c, struct span token, struct span rest,
                                       struct span *raw)
{
    enum pointer_result found = POINTER_ABSENT;
    bool met = false;

    c->at++;
    if (jsontext_take(c, '}')) {
        return POINTER_ABSENT;
    }
    do {
        struct span key;
        bool wanted;

        if (!jsontext_key(c, &key)) {
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
    } while (jsontext_take(c, ','));
    return jsontext_take(c, '}') ? found : POINTER_NO_JSON;
}

static enum pointer_result find_item(struct jsontext *c, struct span token, struct span rest,
                                     struct span *raw)
{
    enum pointer_result found = POINTER_ABSENT;
    size_t wanted = 0, index = 0;
    bool is_index = token_index(token, &wanted);

    c->at++;
    if (jsontext_take(c, ']')) {
        return POINTER_ABSENT;
    }
    do {
        if (!meet(c, is_index && index == wanted, rest, &found, raw)) {
            return POINTER_NO_JSON;
        }
        index++;
    } while (jsontext_take(c, ','));
    return jsontext_take(c, ']') ? found : POINTER_NO_JSON;
}

static enum pointer_result find_here(struct jsontext *c, struct span *raw)
{
    bool string = jsontext_peek(c) == '"', number = jsontext_is_number(c);
    const char *begin = c->at;

    if (string) {
        return jsontext_string(c, raw) ? POINTER_STRING : POINTER_NO_JSON;
    }
    if (!jsontext_value(c)) {
        return POINTER_NO_JSON;
    }
    if (number) {
        *raw = (struct span){begin, (size_t)(c->at - begin)};
        return POINTER_NUMBER;
    }
    return POINTER_OTHER;
}

/* As deep as the pointer has tokens. */
static enum pointer_result find(struct jsontext *c, struct span pointer, struct span *raw)
{
    struct span rest, token;
    char first;

    if (pointer.len == 0) {
        return find_here(c, raw);
    }
    token = first_token(pointer, &rest);
    first = jsontext_peek(c);
    if (first == '{') {
        return find_member(c, token, rest, raw);
    }
    if (first == '[') {
        return find_item(c, token, rest, raw);
    }
    return jsontext_scalar(c) ? POINTER_ABSENT : POINTER_NO_JSON;
}

enum pointer_result pointer_find(struct span document, struct span pointer, struct span *raw)
{
    struct jsontext c = {document.data, document.data + document.len};
    enum pointer_result found;

    if (document.len == 0) {
        return POINTER_NO_JSON;
    }
    found = find(&c, pointer, raw);
    return jsontext_peek(&c) == '\0' && c.at == c.end ? found : POINTER_NO_JSON;
}
