/* SPDX-License-Identifier: MIT */
#include "json_settings.h"

#include "gateway/event/json_pointer.h"
#include "value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_NAME_MAX 255
#define POINTER_MAX 255 /* bytes */

/* As deep as the file is, which its reader bounds. */
static void append_path(const struct json_settings *p, struct buf *out)
{
    if (p->parent == NULL) {
        return;
    }
    append_path(p->parent, out);
    if (p->name == NULL) {
        buf_printf(out, "[%d]", p->index);
    } else {
        buf_printf(out, "%s%s", p->parent->parent == NULL ? "" : ".", p->name);
    }
}

void json_settings_complain(const struct json_settings *p, const char *format, ...)
{
    struct buf *out = p->complaints->out;
    char sentence[512];
    va_list arguments;

    va_start(arguments, format);
    (void)text_format(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    buf_printf(out, "%s: ", p->complaints->label);
    append_path(p, out);
    buf_printf(out, "%s%s\n", p->parent == NULL ? "" : ": ", sentence);
}

struct json_settings json_settings_member(const struct json_settings *object, const char *name)
{
    return (struct json_settings){.parent = object,
                                  .name = name,
                                  .value = cJSON_GetObjectItemCaseSensitive(object->value, name),
                                  .complaints = object->complaints};
}

struct json_settings json_settings_item(const struct json_settings *list, int index)
{
    return (struct json_settings){.parent = list,
                                  .index = index,
                                  .value = cJSON_GetArrayItem(list->value, index),
                                  .complaints = list->complaints};
}

/* Complains and returns false: it is absent, or of another type. */
static bool is_type(const struct json_settings *p, bool right, const char *type)
{
    if (p->value == NULL) {
        json_settings_complain(p, "is missing: write %s", type);
    } else if (!right) {
        json_settings_complain(p, "is not %s", type);
    }
    return right;
}

static bool is_among(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

static void append_list(struct buf *out, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
    }
}

/* A name that is none of ours is repeated as far as it prints: it may be anything. */
static void complain_of_name(const struct json_settings *p, const char *name, const char *const *members)
{
    struct buf known = {0};
    char shown[40];
    size_t len = strlen(name) < sizeof shown - 1 ? strlen(name) : sizeof shown - 1;

    for (size_t i = 0; i < len; i++) {
        shown[i] = (char)(name[i] >= ' ' && name[i] < 0x7f ? name[i] : '?');
    }
    shown[len] = '\0';
    append_list(&known, members);
    json_settings_complain(p, "has no member \"%s\"; it may have %s", shown, buf_text(&known));
    buf_free(&known);
}

bool json_settings_is_object(const struct json_settings *p, const char *const *members)
{
    if (!is_type(p, cJSON_IsObject(p->value), "an object")) {
        return false;
    }
    for (const cJSON *m = p->value->child; m != NULL; m = m->next) {
        if (!is_among(m->string, members)) {
            complain_of_name(p, m->string, members);
            continue;
        }
        for (const cJSON *before = p->value->child; before != m; before = before->next) {
            if (strcmp(before->string, m->string) == 0) {
                json_settings_complain(p, "has \"%s\" twice", m->string);
                break;
            }
        }
    }
    return true;
}

int json_settings_items(const struct json_settings *p, int least, int most)
{
    int count;

    if (!is_type(p, cJSON_IsArray(p->value), "a list")) {
        return 0;
    }
    count = cJSON_GetArraySize(p->value);
    if (count < least || count > most) {
        json_settings_complain(p, "has %d items; %d to %d are allowed", count, least, most);
        return 0;
    }
    return count;
}

bool json_settings_text(const struct json_settings *p, size_t least, size_t most, const char **text)
{
    size_t len;

    if (!is_type(p, cJSON_IsString(p->value), "text")) {
        return false;
    }
    len = strlen(p->value->valuestring);
    if (len < least || len > most) {
        json_settings_complain(p, "has %zu bytes; %zu to %zu are allowed", len, least, most);
        return false;
    }
    *text = p->value->valuestring;
    return true;
}

char *json_settings_stored(const struct json_settings *p, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        json_settings_complain(p, "could not be stored: no memory");
    }
    return copy;
}

char *json_settings_copy(const struct json_settings *p, size_t least, size_t most)
{
    const char *text;

    return json_settings_text(p, least, most, &text) ? json_settings_stored(p, text) : NULL;
}

char *json_settings_pointer(const struct json_settings *p, size_t least)
{
    const char *text, *wrong;

    if (!json_settings_text(p, least, POINTER_MAX, &text)) {
        return NULL;
    }
    wrong = strpbrk(text, "\r\n") != NULL ? "holds a line break" : json_pointer_wrong(span_of(text));
    if (wrong != NULL) {
        json_settings_complain(p, "is not a JSON pointer: it %s", wrong);
        return NULL;
    }
    return json_settings_stored(p, text);
}

char *json_settings_header(const struct json_settings *p)
{
    const char *text;
    char *copy;

    if (!json_settings_text(p, 1, HEADER_NAME_MAX, &text)) {
        return NULL;
    }
    if (strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
        strlen(text)) {
        json_settings_complain(p, "is not a header name");
        return NULL;
    }
    copy = json_settings_stored(p, text);
    for (char *c = copy; c != NULL && *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    }
    return copy;
}

bool json_settings_integer(const struct json_settings *p, int64_t least, int64_t most, int64_t *value)
{
    double number;

    if (!is_type(p, cJSON_IsNumber(p->value), "a number")) {
        return false;
    }
    number = p->value->valuedouble;
    if (!(number >= (double)least && number <= (double)most) || (double)(int64_t)number != number) {
        json_settings_complain(p, "is %g; whole numbers from %" PRId64 " to %" PRId64 " are allowed", number,
                               least, most);
        return false;
    }
    *value = (int64_t)number;
    return true;
}

bool json_settings_truth(const struct json_settings *p, bool *value)
{
    *value = cJSON_IsTrue(p->value);
    return is_type(p, cJSON_IsBool(p->value), "true or false");
}

bool json_settings_quantity(const struct json_settings *p, enum config_type type, int64_t least, int64_t most,
                            int64_t *value)
{
    const struct config_setting rules = {.type = type, .min = least, .max = most};
    struct buf range = {0};
    const char *wrong, *text;

    if (!is_type(p, cJSON_IsString(p->value),
                 type == CONFIG_BYTES ? "a size as text, as \"64KiB\"" : "a duration as text, as \"10s\"") ||
        !json_settings_text(p, 1, 32, &text)) {
        return false;
    }
    wrong = value_read(&rules, text, value);
    if (wrong != NULL) {
        value_append_range(&range, &rules);
        json_settings_complain(p, "\"%s\" %s: %s", text, wrong, buf_text(&range));
        buf_free(&range);
    }
    return wrong == NULL;
}

int json_settings_choice(const struct json_settings *p, const char *const *choices)
{
    struct buf known = {0};

    if (!is_type(p, cJSON_IsString(p->value), "text")) {
        return -1;
    }
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(p->value->valuestring, choices[i]) == 0) {
            return i;
        }
    }
    append_list(&known, choices);
    json_settings_complain(p, "\"%.40s\" is none of: %s", p->value->valuestring, buf_text(&known));
    buf_free(&known);
    return -1;
}
