/* SPDX-License-Identifier: MIT */
#include "broker_user.h"

#include "buf.h"
#include "ctl/management.h"
#include "secret.h"
#include "text.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#define SALT_LEN 4
#define HASH_LEN (SALT_LEN + SHA256_DIGEST_LENGTH)

bool broker_user_hash_matches(const char *hash, const char *password)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct buf stored = {0}, salted = {0};
    bool matches = false;

    if (text_read_base64(span_of(hash), &stored) && stored.len == HASH_LEN) {
        buf_append(&salted, stored.data, SALT_LEN);
        buf_append_text(&salted, password);
    }
    if (salted.len > 0 && !salted.failed) {
        (void)SHA256((const unsigned char *)salted.data, salted.len, digest);
        matches = CRYPTO_memcmp(digest, stored.data + SALT_LEN, sizeof digest) == 0;
        secret_wipe(salted.data, salted.len);
    }
    buf_free(&salted);
    buf_free(&stored);
    return matches;
}

bool broker_user_has_password(const cJSON *user, const char *password)
{
    const char *hash = management_text(user, "password_hash");
    const char *how = management_text(user, "hashing_algorithm");

    return password[0] == '\0' ||
           (hash != NULL && how != NULL && strcmp(how, "rabbit_password_hashing_sha256") == 0 &&
            broker_user_hash_matches(hash, password));
}

bool broker_user_has_tag(const cJSON *user, const char *tag)
{
    const cJSON *tags = cJSON_GetObjectItemCaseSensitive(user, "tags");
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(tags, 0));

    return cJSON_GetArraySize(tags) == (tag != NULL) &&
           (tag == NULL || (first != NULL && strcmp(first, tag) == 0));
}

cJSON *broker_user_wanted(const cJSON *existing, const char *password, const char *tag)
{
    cJSON *wanted = cJSON_CreateObject();

    if (password[0] != '\0') {
        (void)cJSON_AddStringToObject(wanted, "password", password);
    } else {
        const char *hash = management_text(existing, "password_hash"),
                   *how = management_text(existing, "hashing_algorithm");

        (void)cJSON_AddStringToObject(wanted, "password_hash", hash == NULL ? "" : hash);
        (void)cJSON_AddStringToObject(wanted, "hashing_algorithm", how == NULL ? "" : how);
    }
    (void)cJSON_AddStringToObject(wanted, "tags", tag == NULL ? "" : tag);
    return wanted;
}
