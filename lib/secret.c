/* SPDX-License-Identifier: MIT */
#include "secret.h"

#include "text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define SECRETS_MAX 4096
#define SECRET_LEAST 4

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct span secrets[SECRETS_MAX];
static size_t secret_count;
/* A bitmap of the two bytes that each secret begins with. A line without any of these pairs needs only one
 * pass, however many secrets there are. */
static unsigned char pairs[1 << 13];

static const struct span mark = {"[redacted]", sizeof "[redacted]" - 1};

static unsigned pair_at(const char *data)
{
    return (unsigned)(unsigned char)data[0] << 8 | (unsigned char)data[1];
}

static enum error_code remember(struct span value, struct error *error)
{
    char *copy;

    for (size_t i = 0; i < secret_count; i++) {
        if (span_equal(secrets[i], value)) {
            return ERROR_NONE;
        }
    }
    if (secret_count == SECRETS_MAX) {
        return error_set(error, ERROR_LIMIT, "this process has read more than %d secrets: restart it",
                         SECRETS_MAX);
    }
    copy = malloc(value.len);
    if (copy == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a secret of %zu bytes", value.len);
    }
    memcpy(copy, value.data, value.len);
    secrets[secret_count++] = (struct span){copy, value.len};
    pairs[pair_at(copy) / 8] |= (unsigned char)(1U << pair_at(copy) % 8);
    return ERROR_NONE;
}

enum error_code secret_register(struct span value, struct error *error)
{
    enum error_code code;

    if (value.len < SECRET_LEAST) {
        return ERROR_NONE;
    }
    (void)pthread_rwlock_wrlock(&lock);
    code = remember(value, error);
    (void)pthread_rwlock_unlock(&lock);
    return code;
}

bool secret_is_insecure(struct span value)
{
    return text_begins(value, "insecure-dev-");
}

static bool may_hold(const struct buf *b, size_t from)
{
    for (; from + SECRET_LEAST <= b->len; from++) {
        unsigned pair = pair_at(b->data + from);

        if ((pairs[pair / 8] >> pair % 8 & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* Finds the first secret in b at or after `from`, the longest if several start there. Its bytes are
 * [*start, *end). */
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

static void redact(struct buf *b, size_t from)
{
    size_t start, end;

    while (find(b, from, &start, &end)) {
        size_t at = start, next_start, next_end;

        /* Overlapping secrets are replaced as one, so that no part of them remains. */
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

void secret_redact(struct buf *b, size_t from)
{
    (void)pthread_rwlock_rdlock(&lock);
    if (may_hold(b, from)) {
        redact(b, from);
    }
    (void)pthread_rwlock_unlock(&lock);
}

void secret_allow_core(bool allowed)
{
    (void)prctl(PR_SET_DUMPABLE, allowed ? 1UL : 0UL, 0UL, 0UL, 0UL); /* both values are always valid */
}

void secret_wipe(void *memory, size_t len)
{
    if (len > 0) {
        explicit_bzero(memory, len);
    }
}

int secret_no_passphrase(char *phrase, int size, int writing, void *encrypted)
{
    bool *noted = encrypted;

    (void)phrase;
    (void)size;
    (void)writing;
    *noted = true;
    return -1;
}
