/* SPDX-License-Identifier: MIT */
#include "secret_file.h"

#include "config.h"
#include "log.h"
#include "secret.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 4

/* The last good value of each setting, in the order in which they were asked for. */
struct known {
    const char *name;
    struct buf value;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct known all_known[NAMES_MAX];

/* Makes b a copy, without leaving another one in freed memory. */
static void replace(struct buf *b, struct span value)
{
    secret_file_forget(b);
    if (buf_reserve(b, value.len + 1)) {
        buf_append_span(b, value);
    }
}

/* The entry of a name; NULL: there is no room for it. Under the lock. */
static struct known *known_of(const char *name, const char *given)
{
    for (size_t i = 0; i < NAMES_MAX; i++) {
        struct known *known = &all_known[i];

        if (known->name == NULL) {
            known->name = name;
            replace(&known->value, span_of(given));
        }
        if (strcmp(known->name, name) == 0) {
            return known;
        }
    }
    return NULL;
}

static enum error_code read_password(const char *path, struct buf *value, struct error *error)
{
    enum error_code code = config_read_file(path, value, error);

    if (code == ERROR_NONE && value->failed) {
        code = error_set(error, ERROR_MEMORY, "no memory to read %s", path);
    }
    if (code == ERROR_NONE && (value->len == 0 || value->len > SECRET_FILE_MAX)) {
        code = error_set(error, ERROR_SETTING, "%s holds %zu bytes, and must hold a password of 1 to %d",
                         path, value->len, SECRET_FILE_MAX);
    }
    return code == ERROR_NONE ? secret_register(buf_span(value), error) : code;
}

/* Remembers a value that was read; true when it is another one than before. */
static bool remember(const char *name, const char *given, struct span value)
{
    struct known *known;
    bool changed;

    (void)pthread_mutex_lock(&lock);
    known = known_of(name, given);
    changed = known != NULL && !span_equal(buf_span(&known->value), value);
    if (changed) {
        replace(&known->value, value);
    }
    (void)pthread_mutex_unlock(&lock);
    return changed;
}

static void recall(const char *name, const char *given, struct buf *value)
{
    const struct known *known;

    (void)pthread_mutex_lock(&lock);
    known = known_of(name, given);
    replace(value, known == NULL || known->value.failed ? span_of(given) : buf_span(&known->value));
    (void)pthread_mutex_unlock(&lock);
}

void secret_file_read(const char *name, const char *given, struct buf *value)
{
    static _Atomic int64_t told_us;
    struct buf setting = {0};
    struct error error;
    const char *path;

    buf_printf(&setting, "%s_FILE", name);
    path = getenv(buf_text(&setting));
    buf_free(&setting);
    if (path == NULL || *path == '\0') {
        replace(value, span_of(given));
    } else if (read_password(path, value, &error) != ERROR_NONE) {
        recall(name, given, value);
        if (log_is_due(&told_us)) {
            log_warning("secret-not-read", log_text("setting", name), log_text("reason", error.text));
        }
    } else if (remember(name, given, buf_span(value))) {
        log_info("secret-changed", log_text("setting", name));
    }
}

void secret_file_forget(struct buf *value)
{
    if (value->data != NULL) {
        secret_wipe(value->data, value->capacity);
    }
    buf_free(value);
}
