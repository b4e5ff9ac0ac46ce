/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include "headers.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Appends the template; '@' in it is replaced by the id. */
static void append_template(const char *template, struct span id, struct buf *out)
{
    for (const char *c = template; *c != '\0'; c++) {
        if (*c == '@') {
            buf_append_span(out, id);
        } else {
            buf_append_char(out, *c);
        }
    }
}

void sample_body(const struct scheme *scheme, struct span id, struct buf *body)
{
    const char *template = scheme->sent.body;
    struct buf text = {0};
    char *printed;
    cJSON *json;

    append_template(template == NULL ? "{\"id\": \"@\", \"type\": \"sluice.test\"}" : template, id, &text);
    json = cJSON_ParseWithLength(text.data, text.len);
    printed = json == NULL ? NULL : cJSON_PrintUnformatted(json);
    if (printed != NULL) {
        buf_append_text(body, printed);
    } else {
        buf_append_span(body, buf_span(&text)); /* a form */
    }
    body->failed |= text.failed;
    cJSON_free(printed);
    cJSON_Delete(json);
    buf_free(&text);
}

bool sample_headers(const struct scheme *scheme, struct span id, cJSON *headers)
{
    static const struct {
        enum verify_scheme scheme;
        const char *name, *value;
    } all[] = {
        {VERIFY_GITHUB, "X-GitHub-Hook-ID", "1"},
        {VERIFY_GITHUB, "X-GitHub-Hook-Installation-Target-Type", "repository"},
        {VERIFY_GITHUB, "X-GitHub-Hook-Installation-Target-ID", "1"},
        {VERIFY_SHOPIFY, "X-Shopify-Shop-Domain", "example.myshopify.com"},
        {VERIFY_SHOPIFY, "X-Shopify-API-Version", "2025-01"},
        {VERIFY_SHOPIFY, "X-Shopify-Event-Id", "@"},
        {VERIFY_GITLAB, "X-Gitlab-Instance", "https://gitlab.example.com"},
        {VERIFY_GITLAB, "X-Gitlab-Event-UUID", "@"},
    };
    struct buf value = {0};
    bool fine = true;

    for (size_t i = 0; i < sizeof all / sizeof all[0] && fine; i++) {
        if (all[i].scheme == scheme->scheme) {
            buf_clear(&value);
            append_template(all[i].value, id, &value);
            fine = !value.failed && headers_default(headers, all[i].name, buf_text(&value));
        }
    }
    buf_free(&value);
    return fine;
}

/* Takes the next reference token off a JSON pointer that begins with '/' (RFC 6901), without its escapes. */
static void take_token(const char **pointer, struct buf *token)
{
    buf_clear(token);
    for ((*pointer)++; **pointer != '\0' && **pointer != '/'; (*pointer)++) {
        if (**pointer == '~' && ((*pointer)[1] == '0' || (*pointer)[1] == '1')) {
            (*pointer)++;
            buf_append_char(token, **pointer == '0' ? '~' : '/');
        } else {
            buf_append_char(token, **pointer);
        }
    }
}

static cJSON *child_of(cJSON *parent, struct buf *token)
{
    int64_t index;

    if (cJSON_IsArray(parent)) {
        return text_number(buf_span(token), 9, &index) ? cJSON_GetArrayItem(parent, (int)index) : NULL;
    }
    return cJSON_GetObjectItemCaseSensitive(parent, buf_text(token));
}

/* Makes an empty object of the value, which keeps its name and its place. */
static void make_object(cJSON *value)
{
    cJSON_Delete(value->child);
    value->child = NULL;
    cJSON_free(value->valuestring);
    value->valuestring = NULL;
    value->type = cJSON_Object;
}

/* Returns the value that the pointer names, which is made when it isn't there, with all above it. NULL when
 * out of memory. */
static cJSON *reach(cJSON *root, const char *pointer)
{
    struct buf token = {0};
    cJSON *at = root;

    while (at != NULL && *pointer != '\0') {
        cJSON *child;

        take_token(&pointer, &token);
        child = token.failed ? NULL : child_of(at, &token);
        if (child == NULL && !token.failed) {
            if (!cJSON_IsObject(at)) {
                make_object(at);
            }
            child = cJSON_AddNullToObject(at, buf_text(&token));
        }
        at = child;
    }
    buf_free(&token);
    return at;
}

static bool place_in_body(const char *pointer, struct span id, struct buf *body)
{
    cJSON *root = cJSON_ParseWithLength(body->data, body->len), *at;
    struct buf text = {0};
    char *printed = NULL;
    bool fine = true;

    buf_append_span(&text, id);
    if (root != NULL) {
        at = reach(root, pointer);
        fine = at != NULL && !text.failed;
        if (fine && !(cJSON_IsString(at) && strcmp(at->valuestring, buf_text(&text)) == 0)) {
            make_object(at);
            at->valuestring = cJSON_malloc(text.len + 1);
            fine = at->valuestring != NULL;
            if (fine) {
                memcpy(at->valuestring, buf_text(&text), text.len + 1);
                at->type = cJSON_String;
                printed = cJSON_PrintUnformatted(root);
                fine = printed != NULL;
            }
        }
        if (printed != NULL) {
            buf_clear(body);
            buf_append_text(body, printed);
        }
    }
    cJSON_free(printed);
    cJSON_Delete(root);
    buf_free(&text);
    return fine && !body->failed;
}

bool sample_place_id(const struct event_id_rule *rule, struct span id, cJSON *headers, struct buf *body)
{
    struct buf text = {0};
    bool fine = true;

    switch (rule->kind) {
    case EVENT_ID_HEADER:
        buf_append_span(&text, id);
        fine = !text.failed && headers_default(headers, rule->text, buf_text(&text));
        break;
    case EVENT_ID_POINTER:
        fine = body == NULL || place_in_body(rule->text, id, body);
        break;
    case EVENT_ID_BODY:
    case EVENT_ID_FRESH:
    case EVENT_ID_END:
        break;
    }
    buf_free(&text);
    return fine;
}
