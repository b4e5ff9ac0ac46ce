/* SPDX-License-Identifier: MIT */
#include "checkpoint.h"

#include "clock.h"
#include "ctl/look/cursor.h"
#include "ctl/look/moment.h"
#include "regular_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT 1
#define FILE_MAX (INT64_C(1) << 20)

static void append_member(struct buf *out, const char *name, struct span text)
{
    buf_printf(out, ",\n \"%s\": ", name);
    buf_append_json(out, text);
}

static void append_time(struct buf *out, const char *name, int64_t us)
{
    struct buf text = {0};

    clock_append(&text, us);
    append_member(out, name, buf_span(&text));
    out->failed |= text.failed;
    buf_free(&text);
}

void checkpoint_append(const struct checkpoint *c, struct buf *out)
{
    char *options = cJSON_PrintUnformatted(c->options);

    out->failed |= options == NULL;
    buf_printf(out, "{\"replay\": %d,\n \"options\": %s", FORMAT, options == NULL ? "" : options);
    append_time(out, "since", c->since_us);
    append_time(out, "until", c->until_us);
    append_member(out, "position", buf_span(&c->position));
    buf_printf(out, ",\n \"published\": %lld,\n \"done\": %s}\n", (long long)c->published,
               c->done ? "true" : "false");
    cJSON_free(options);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text == NULL ? "" : text;
}

static bool read_time(const cJSON *object, const char *name, int64_t *us)
{
    struct moment moment;

    if (!moment_read(text_of(object, name), &moment) || moment.is_age) {
        return false;
    }
    *us = moment.us;
    return true;
}

static bool read_position(const cJSON *object, struct checkpoint *c)
{
    const cJSON *position = cJSON_GetObjectItemCaseSensitive(object, "position");
    struct cursor cursor = {0};
    bool good = cJSON_IsString(position) &&
                (position->valuestring[0] == '\0' || cursor_read(position->valuestring, &cursor));

    if (good) {
        buf_append_text(&c->position, position->valuestring);
    }
    cursor_free(&cursor);
    return good && !c->position.failed;
}

bool checkpoint_read(struct span text, struct checkpoint *c)
{
    cJSON *object = cJSON_ParseWithLength(text.data, text.len);
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(object, "replay");
    const cJSON *published = cJSON_GetObjectItemCaseSensitive(object, "published");
    const cJSON *done = cJSON_GetObjectItemCaseSensitive(object, "done");
    bool good = cJSON_IsNumber(format) && format->valuedouble == FORMAT && cJSON_IsNumber(published) &&
                published->valuedouble >= 0 && published->valuedouble < 1e15 && cJSON_IsBool(done) &&
                cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(object, "options")) &&
                read_time(object, "since", &c->since_us) && read_time(object, "until", &c->until_us) &&
                read_position(object, c);

    if (good) {
        c->options = cJSON_DetachItemFromObjectCaseSensitive(object, "options");
        c->published = (int64_t)published->valuedouble;
        c->done = cJSON_IsTrue(done);
    }
    cJSON_Delete(object);
    return good;
}

static void append_value(struct buf *out, const cJSON *value)
{
    char *text = value == NULL || cJSON_IsNull(value) ? NULL : cJSON_PrintUnformatted(value);

    buf_append_text(out, text == NULL ? "not given" : text);
    cJSON_free(text);
}

enum error_code checkpoint_compare(const struct checkpoint *c, const cJSON *options, const char *path,
                                   struct error *error)
{
    const cJSON *now;

    cJSON_ArrayForEach(now, options)
    {
        const cJSON *then = cJSON_GetObjectItemCaseSensitive(c->options, now->string);
        struct buf is = {0}, was = {0};

        if (then != NULL && cJSON_Compare(now, then, true)) {
            continue;
        }
        append_value(&is, now);
        append_value(&was, then);
        (void)error_set(
            error, ERROR_SETTING,
            "%s is %s, but the replay of %s began with %s: give the same options, or another file "
            "for another replay",
            now->string, buf_text(&is), path, buf_text(&was));
        buf_free(&is);
        buf_free(&was);
        return ERROR_SETTING;
    }
    return ERROR_NONE;
}

enum error_code checkpoint_load(struct checkpoint *c, const char *path, bool *found, struct error *error)
{
    struct buf text = {0};
    struct error why = {0};
    char chunk[4096];
    ssize_t len = 1;
    int fd;
    bool good;

    *found = access(path, F_OK) == 0 || errno != ENOENT;
    if (!*found) {
        return ERROR_NONE;
    }
    fd = regular_file_open(path, &why);
    if (fd < 0) {
        return error_set(error, ERROR_SETTING, "--cursor %s %s", path, why.text);
    }
    while (len > 0 && text.len <= FILE_MAX) {
        len = read(fd, chunk, sizeof chunk);
        buf_append(&text, chunk, len > 0 ? (size_t)len : 0);
    }
    (void)close(fd);
    good = len == 0 && !text.failed && checkpoint_read(buf_span(&text), c);
    buf_free(&text);
    return good ? ERROR_NONE
                : error_set(error, ERROR_SETTING,
                            "--cursor %s is not a file that sluice replay has written: name another one",
                            path);
}

static bool write_all(int fd, struct span text)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.data, text.len);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        text.data += written > 0 ? written : 0;
        text.len -= written > 0 ? (size_t)written : 0;
    }
    return fsync(fd) == 0;
}

enum error_code checkpoint_save(const struct checkpoint *c, const char *path, struct error *error)
{
    struct buf text = {0}, beside = {0};
    int fd = -1, wrong = ENOMEM;
    bool good = false;

    checkpoint_append(c, &text);
    buf_printf(&beside, "%s.XXXXXX", path);
    (void)buf_text(&beside); /* ends it with a NUL */
    if (!text.failed && !beside.failed) {
        fd = mkstemp(beside.data);
        good = fd >= 0 && write_all(fd, buf_span(&text));
        wrong = errno;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (good && rename(beside.data, path) != 0) {
        good = false;
        wrong = errno;
    }
    if (fd >= 0 && !good) {
        (void)unlink(beside.data);
    }
    buf_free(&text);
    buf_free(&beside);
    return good ? ERROR_NONE
                : error_set(error, ERROR_SETTING, "--cursor %s cannot be written: %s", path, strerror(wrong));
}

void checkpoint_free(struct checkpoint *c)
{
    cJSON_Delete(c->options);
    buf_free(&c->position);
    *c = (struct checkpoint){0};
}
