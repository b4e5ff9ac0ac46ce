/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include <stdlib.h>
#include <string.h>

#define SECRETS_MAX 64
#define SECRET_LEAST 4

static struct span secrets[SECRETS_MAX];
static size_t secret_count;

static const struct span mark = {"[redacted]", sizeof "[redacted]" - 1};

enum error_code secret_register(struct span value, struct error *error)
{
    char *copy;

    if (value.len < SECRET_LEAST) {
        return ERROR_NONE;
    }
    for (size_t i = 0; i < secret_count; i++) {
        if (span_equal(secrets[i], value)) {
            return ERROR_NONE;
        }
    }
    if (secret_count == SECRETS_MAX) {
        return error_set(error, ERROR_LIMIT, "more than %d secrets: give fewer", SECRETS_MAX);
    }
    copy = malloc(value.len);
    if (copy == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a secret of %zu bytes", value.len);
    }
    memcpy(copy, value.data, value.len);
    secrets[secret_count++] = (struct span){copy, value.len};
    return ERROR_NONE;
}

/* The first secret in b at or after `from`: sets [*start, *end). Of several that
 * start there, the longest. */
static bool find(const struct buf *b, size_t from, size_t *start, size_t *end)
{
    bool found = false;

    for (size_t i = 0; i < secret_count && from < b->len; i++) {
        const char *hit = memmem(b->data + from, b->len - from, secrets[i].data, secrets[i].len);
        size_t at;

        if (hit == NULL) {
            continue;
        }
        at = (size_t)(hit - b->data);
        if (!found || at < *start || (at == *start && at + secrets[i].len > *end)) {
            *start = at;
            *end = at + secrets[i].len;
            found = true;
        }
    }
    return found;
}

void secret_redact(struct buf *b, size_t from)
{
    size_t start, end;

    while (find(b, from, &start, &end)) {
        size_t at = start, next_start, next_end;

        /* Secrets may overlap: blank them together, so that no rest remains. */
        while (find(b, at + 1, &next_start, &next_end) && next_start < end) {
            at = next_start;
            end = next_end > end ? next_end : end;
        }
        if (!buf_reserve(b, mark.len)) {
            b->len = start;
            return;
        }
        memmove(b->data + start + mark.len, b->data + end, b->len - end);
        memcpy(b->data + start, mark.data, mark.len);
        b->len = b->len - (end - start) + mark.len;
        from = start + mark.len;
    }
}

void secret_wipe(void *memory, size_t len)
{
    if (len > 0) {
        explicit_bzero(memory, len);
    }
}
