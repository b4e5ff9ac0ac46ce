/* SPDX-License-Identifier: MIT */
#include "json_path.h"

#include "ctl/array.h"

#include <cjson/cJSON.h>
#include <string.h>

/* Appends a token of a pointer: ~1 means "/", ~0 means "~". */
static bool append_token(struct buf *tokens, struct span token)
{
    struct buf plain = {0};
    bool good = true;

    for (size_t i = 0; good && i < token.len; i++) {
        if (token.data[i] != '~') {
            buf_append_char(&plain, token.data[i]);
        } else {
            i++;
            good = i < token.len && (token.data[i] == '0' || token.data[i] == '1');
            buf_append_char(&plain, good && token.data[i] == '1' ? '/' : '~');
        }
    }
    if (good) {
        array_append(tokens, buf_span(&plain));
    }
    buf_free(&plain);
    return good;
}

static const char *read_pointer(struct span pointer, struct buf *tokens)
{
    if (pointer.len > 0 && pointer.data[0] != '/') {
        return "doesn't begin with /, as a JSON pointer does";
    }
    for (size_t at = 0; at < pointer.len;) {
        size_t begin = at + 1;

        for (at = begin; at < pointer.len && pointer.data[at] != '/';) {
            at++;
        }
        if (!append_token(tokens, (struct span){pointer.data + begin, at - begin})) {
            return "has a ~ that is neither ~0 nor ~1";
        }
    }
    array_end(tokens);
    return NULL;
}

const char *json_path_read(const char *text, struct json_path *path)
{
    const char *equals = strchr(text, '='), *contains = strstr(text, "@>");
    const char *end;
    cJSON *json;
    bool valid;

    *path = (struct json_path){0};
    path->contains = contains != NULL && (equals == NULL || contains < equals);
    end = path->contains ? contains : equals;
    if (end == NULL) {
        return "has neither = nor @>";
    }
    path->value = end + (path->contains ? 2 : 1);
    if (!path->contains && end == text) {
        return "has no pointer before =: the whole payload is compared by @>";
    }
    json = path->contains ? cJSON_ParseWithOpts(path->value, NULL, true) : NULL;
    valid = json != NULL;
    cJSON_Delete(json);
    if (path->contains && !valid) {
        return "has no JSON after @>";
    }
    return read_pointer((struct span){text, (size_t)(end - text)}, &path->tokens);
}

void json_path_free(struct json_path *path)
{
    buf_free(&path->tokens);
}
