/* SPDX-License-Identifier: MIT */
#include "scram.h"

#include "secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define BASE64_MAX 128
#define ITERATIONS_MAX 1000000
#define SERVER_KEY "Server Key"

/* The bytes of base64 text that holds at most BASE64_MAX characters; -1: it is none. */
static int decode(unsigned char bytes[BASE64_MAX], const char *text)
{
    size_t len = strlen(text);
    int got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len);

    for (size_t i = len; got > 0 && i > 0 && text[i - 1] == '='; i--) {
        got--;
    }
    return got;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

bool scram_matches(const char *verifier, const char *password)
{
    char salt_text[BASE64_MAX], stored_text[BASE64_MAX], server_text[BASE64_MAX];
    unsigned char salt[BASE64_MAX], server[BASE64_MAX];
    unsigned char salted[SHA256_DIGEST_LENGTH], key[SHA256_DIGEST_LENGTH];
    int iterations = 0, salt_len;
    bool matches = false;

    if (!is_ascii(password) ||
        sscanf(verifier, "SCRAM-SHA-256$%9d:%127[^$]$%127[^:]:%127s", &iterations, salt_text, stored_text,
               server_text) != 4 ||
        iterations < 1 || iterations > ITERATIONS_MAX) {
        return false;
    }
    salt_len = decode(salt, salt_text);
    if (salt_len < 1 || decode(server, server_text) != SHA256_DIGEST_LENGTH) {
        return false;
    }
    if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, salt_len, iterations, EVP_sha256(),
                          sizeof salted, salted) == 1 &&
        HMAC(EVP_sha256(), salted, sizeof salted, (const unsigned char *)SERVER_KEY, strlen(SERVER_KEY), key,
             NULL) != NULL) {
        matches = CRYPTO_memcmp(key, server, sizeof key) == 0;
    }
    secret_wipe((char *)salted, sizeof salted);
    return matches;
}
