/* SPDX-License-Identifier: MIT */
#include "headers.h"

#include "text.h"

#include <string.h>
#include <strings.h>

#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Returns NULL, or why the name is reserved. */
static const char *reserved(const char *name)
{
    static const struct {
        const char *name, *why;
    } all[] = {
        {"Content-Length", "it is always the length of the body"},
        {"Transfer-Encoding", "the body is always sent with its length"},
        {"webhook-id", "use --id"},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcasecmp(name, all[i].name) == 0) {
            return all[i].why;
        }
    }
    return NULL;
}

/* Returns the first byte that a value can't have, or NULL. */
static const char *forbidden(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return value.data + i;
        }
    }
    return NULL;
}

bool headers_name_valid(const char *name)
{
    return name[0] != '\0' && name[strspn(name, TOKEN)] == '\0';
}

enum error_code headers_add_line(cJSON *headers, const char *line, struct error *error)
{
    size_t name_len = strcspn(line, ":");
    struct span value = text_trim(span_of(line + name_len + (line[name_len] == ':' ? 1 : 0)));
    struct buf name = {0}, copy = {0};
    const char *byte = forbidden(value), *why;
    enum error_code code = ERROR_NONE;

    buf_append(&name, line, name_len);
    buf_append_span(&copy, value);
    why = reserved(buf_text(&name));
    if (line[name_len] != ':' || !headers_name_valid(buf_text(&name))) {
        code = error_set(error, ERROR_SETTING,
                         "--header '%.100s': must be 'Name: value', with a name of letters, digits and "
                         "!#$%%&'*+-.^_`|~",
                         line);
    } else if (byte != NULL) {
        code = error_set(error, ERROR_SETTING,
                         "--header %s: the value has the control character 0x%02X, which HTTP forbids",
                         buf_text(&name), (unsigned)(unsigned char)*byte);
    } else if (why != NULL) {
        code = error_set(error, ERROR_SETTING, "--header %s: can't be set: %s", buf_text(&name), why);
    } else if (name.failed || copy.failed ||
               cJSON_AddStringToObject(headers, buf_text(&name), buf_text(&copy)) == NULL) {
        code = error_set(error, ERROR_MEMORY, "out of memory");
    }
    buf_free(&name);
    buf_free(&copy);
    return code;
}

bool headers_replace(cJSON *headers, const cJSON *more)
{
    const cJSON *header;

    cJSON_ArrayForEach(header, more)
    {
        while (cJSON_HasObjectItem(headers, header->string)) {
            cJSON_DeleteItemFromObject(headers, header->string);
        }
    }
    cJSON_ArrayForEach(header, more)
    {
        if (cJSON_AddStringToObject(headers, header->string, header->valuestring) == NULL) {
            return false;
        }
    }
    return true;
}

bool headers_default(cJSON *headers, const char *name, const char *value)
{
    return cJSON_HasObjectItem(headers, name) || cJSON_AddStringToObject(headers, name, value) != NULL;
}
