/* SPDX-License-Identifier: MIT */
#include "scram.h"

#include "secret.h"
#include "text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define BASE64_MAX 128
#define ITERATIONS_MAX 1000000
#define SERVER_KEY "Server Key"

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

/* True when `stored` is the ServerKey for this password, salt and iteration count. */
static bool is_server_key(struct span stored, const char *password, struct span salt, int iterations)
{
    unsigned char salted[SHA256_DIGEST_LENGTH], key[SHA256_DIGEST_LENGTH];
    bool matches = false;

    if (salt.len == 0 || stored.len != sizeof key) {
        return false;
    }
    if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt.data, (int)salt.len,
                          iterations, EVP_sha256(), sizeof salted, salted) == 1 &&
        HMAC(EVP_sha256(), salted, sizeof salted, (const unsigned char *)SERVER_KEY, strlen(SERVER_KEY), key,
             NULL) != NULL) {
        matches = CRYPTO_memcmp(key, stored.data, sizeof key) == 0;
    }
    secret_wipe((char *)salted, sizeof salted);
    return matches;
}

bool scram_matches(const char *verifier, const char *password)
{
    char salt_text[BASE64_MAX], stored_text[BASE64_MAX], server_text[BASE64_MAX];
    struct buf salt = {0}, server = {0};
    int iterations = 0;
    bool matches;

    if (!is_ascii(password) ||
        sscanf(verifier, "SCRAM-SHA-256$%9d:%127[^$]$%127[^:]:%127s", &iterations, salt_text, stored_text,
               server_text) != 4 ||
        iterations < 1 || iterations > ITERATIONS_MAX) {
        return false;
    }
    matches = text_read_base64(span_of(salt_text), &salt) &&
              text_read_base64(span_of(server_text), &server) &&
              is_server_key(buf_span(&server), password, buf_span(&salt), iterations);
    buf_free(&salt);
    buf_free(&server);
    return matches;
}
