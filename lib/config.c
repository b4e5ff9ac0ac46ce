/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "plain_line.h"
#include "regular_file.h"
#include "secret.h"
#include "text.h"
#include "url.h"
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024)
#define SHOWN_MAX 100 /* bytes of a wrong value that a complaint quotes */

/* Appends one complaint: `NAME=value what: range`. The value is left out when it is a secret or may contain
 * one by mistake ("host=x password = y"). */
static void complain(struct buf *out, const struct config_setting *s, const char *value, const char *what)
{
    bool shown = !s->secret && !(s->type == CONFIG_URL && strcasestr(value, "pass") != NULL);

    buf_append_text(out, s->name);
    if (shown) {
        buf_append_char(out, '=');
        for (size_t i = 0; value[i] != '\0' && i < SHOWN_MAX; i++) {
            buf_append_char(out, (char)(value[i] >= ' ' && value[i] < 0x7f ? value[i] : '?'));
        }
        buf_append_text(out, strlen(value) > SHOWN_MAX ? "..." : "");
    }
    buf_printf(out, " %s: ", what);
    value_append_range(out, s);
    buf_append_char(out, '\n');
}

/* Looks for `user:password@` and `password=`. False positives are fine, false negatives are not. */
static bool holds_password(const char *url)
{
    const char *start = url_split(url).authority.data;
    const char *at = strrchr(url, '@');
    const char *colon;

    if (strcasestr(url, "password=") != NULL) {
        return true;
    }
    colon = strchr(start, ':');
    return at != NULL && colon != NULL && colon < at;
}

/* Appends the name of the setting that holds this URL's password: the ..._PASSWORD setting in the table that
 * shares the longest prefix with the URL's name. */
static void append_password_name(struct buf *out, const struct config_setting *table, const char *url_name)
{
    size_t len = strlen(url_name);
    size_t whole = len > 4 && strcmp(url_name + len - 4, "_URL") == 0 ? len - 4 : len;

    for (len = whole; len > 0; len--) {
        if (len != whole && url_name[len] != '_') {
            continue;
        }
        for (const struct config_setting *s = table; s->name != NULL; s++) {
            if (strncmp(s->name, url_name, len) == 0 && strcmp(s->name + len, "_PASSWORD") == 0) {
                buf_append_text(out, s->name);
                return;
            }
        }
    }
    buf_append(out, url_name, whole);
    buf_append_text(out, "_PASSWORD");
}

/* --- the table --------------------------------------------------------------- */

static void *member_of(const struct config_setting *s, void *settings)
{
    return (char *)settings + s->offset;
}

static const void *const_member_of(const struct config_setting *s, const void *settings)
{
    return (const char *)settings + s->offset;
}

static enum error_code read_text(const char *path, struct buf *content, struct error *error)
{
    struct error refusal;
    int fd = regular_file_open(path, &refusal);
    ssize_t got = -1;
    int failure;

    if (fd < 0) {
        return error_set(error, refusal.code, "%s %s", path, refusal.text);
    }
    /* Reserve the whole size at once: reallocation would leave copies of a secret in freed memory. */
    if (buf_reserve(content, FILE_MAX + 2)) {
        do {
            got = read(fd, content->data + content->len, FILE_MAX + 1 - content->len);
            content->len += got > 0 ? (size_t)got : 0;
        } while (got > 0 && content->len <= FILE_MAX);
    }
    failure = errno;
    (void)close(fd);
    if (got < 0) {
        return error_set(error, ERROR_SETTING, "%s cannot be read: %s", path, strerror(failure));
    }
    if (content->len > FILE_MAX) {
        return error_set(error, ERROR_SETTING, "%s is too large: at most 64KiB are allowed", path);
    }
    if (content->len > 0 && content->data[content->len - 1] == '\n') {
        content->len--;
    }
    return ERROR_NONE;
}

enum error_code config_read_file(const char *path, struct buf *content, struct error *error)
{
    enum error_code code = read_text(path, content, error);

    return code == ERROR_NONE ? plain_line_in_file(buf_span(content), path, error) : code;
}

enum error_code config_read_key_file(const char *path, struct buf *content, struct error *error)
{
    enum error_code code = read_text(path, content, error);

    return code != ERROR_NONE || text_begins(buf_span(content), "-----BEGIN ")
               ? code
               : plain_line_in_file(buf_span(content), path, error);
}

/* Reads a setting's value from X or X_FILE into *value; empty when neither is set. False after a
 * complaint. */
static bool given(const struct config_setting *s, struct buf *value, struct buf *complaints)
{
    struct buf file_name = {0};
    struct error error;
    const char *text = getenv(s->name);
    const char *path;
    bool fine = true;

    buf_printf(&file_name, "%s_FILE", s->name);
    path = getenv(buf_text(&file_name));
    buf_free(&file_name);
    text = text == NULL ? "" : text;
    path = path == NULL ? "" : path;
    if (*text != '\0' && *path != '\0') {
        buf_printf(complaints, "%s and %s_FILE are both set: set one of them\n", s->name, s->name);
        return false;
    }
    if (*path != '\0') {
        fine = config_read_file(path, value, &error) == ERROR_NONE;
        if (!fine) {
            buf_printf(complaints, "%s_FILE=%s\n", s->name, error.text);
        } else if (s->secret && value->len == 0) {
            buf_printf(complaints, "%s_FILE=%s is empty: write the secret into it, or unset %s_FILE\n",
                       s->name, path, s->name);
            fine = false;
        }
    } else {
        buf_append_text(value, text);
        fine = !s->secret || plain_line_in_variable(span_of(text), s->name, &error) == ERROR_NONE;
        if (!fine) {
            buf_printf(complaints, "%s\n", error.text);
        }
    }
    if (value->failed) {
        buf_printf(complaints, "%s: out of memory\n", s->name);
        return false;
    }
    return fine;
}

static void load_one(const struct config_setting *table, const struct config_setting *s, const char *value,
                     void *settings, struct buf *complaints)
{
    struct error error;
    const char *wrong;

    if (*value == '\0' && s->fallback == NULL) {
        buf_printf(complaints, "%s is required: set %s or %s_FILE (", s->name, s->name, s->name);
        value_append_range(complaints, s);
        buf_append_text(complaints, ")\n");
        return;
    }
    if (s->type == CONFIG_URL && holds_password(value)) {
        buf_printf(complaints, "%s contains a password: set it in ", s->name);
        append_password_name(complaints, table, s->name);
        buf_append_text(complaints, " or ");
        append_password_name(complaints, table, s->name);
        buf_append_text(complaints, "_FILE\n");
        return;
    }
    if (s->secret && secret_register(span_of(value), &error) != ERROR_NONE) {
        buf_printf(complaints, "%s: %s\n", s->name, error.text);
    }
    value = *value == '\0' ? s->fallback : value;
    wrong = value_read(s, value, member_of(s, settings));
    if (wrong != NULL) {
        complain(complaints, s, value, wrong);
    }
}

enum error_code config_load(const struct config_setting *table, void *settings, struct buf *complaints)
{
    size_t before = complaints->len;

    for (const struct config_setting *s = table; s->name != NULL; s++) {
        struct buf value = {0};

        if (given(s, &value, complaints)) {
            load_one(table, s, buf_text(&value), settings, complaints);
        }
        if (s->secret) {
            secret_wipe(value.data, value.capacity);
        }
        buf_free(&value);
    }
    return complaints->len > before || complaints->failed ? ERROR_SETTING : ERROR_NONE;
}

void config_free(const struct config_setting *table, void *settings)
{
    for (const struct config_setting *s = table; s->name != NULL; s++) {
        char *text;

        if (!value_is_text(s->type)) {
            continue;
        }
        memcpy(&text, member_of(s, settings), sizeof text);
        if (text != NULL && s->secret) {
            secret_wipe(text, strlen(text));
        }
        free(text);
        text = NULL;
        memcpy(member_of(s, settings), &text, sizeof text);
    }
}

bool config_insecure(const struct config_setting *table, const void *settings, struct buf *names)
{
    bool any = false;

    for (const struct config_setting *s = table; s->name != NULL; s++) {
        const char *text;

        if (!s->secret || !value_is_text(s->type)) {
            continue;
        }
        memcpy(&text, const_member_of(s, settings), sizeof text);
        if (secret_is_insecure(span_of(text))) {
            buf_printf(names, "%s%s", any ? ", " : "", s->name);
            any = true;
        }
    }
    return any;
}

static const char *shown_default(const struct config_setting *s)
{
    if (s->fallback == NULL) {
        return "required";
    }
    return *s->fallback == '\0' ? "none" : s->fallback;
}

void config_help(const struct config_setting *table, struct buf *out)
{
    for (const struct config_setting *s = table; s->name != NULL; s++) {
        buf_printf(out, "  %s  %s: ", s->name, value_type_name(s->type));
        value_append_range(out, s);
        buf_printf(out, "; %s%s%s\n      %s\n", s->fallback == NULL ? "" : "default ", shown_default(s),
                   s->secret ? "; secret" : "", s->help);
    }
}

void config_print(const struct config_setting *table, const void *settings, struct buf *out)
{
    for (const struct config_setting *s = table; s->name != NULL; s++) {
        buf_printf(out, "%s=", s->name);
        value_append(out, s, const_member_of(s, settings));
        buf_append_char(out, '\n');
    }
}

void config_table(const struct config_setting *table, struct buf *out)
{
    for (const struct config_setting *s = table; s->name != NULL; s++) {
        buf_printf(out, "%s\t%s\t", s->name, value_type_name(s->type));
        value_append_range(out, s);
        buf_printf(out, "\t%s\t%s\t%s\n", shown_default(s), s->secret ? "yes" : "no", s->help);
    }
}
