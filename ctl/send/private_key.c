/* SPDX-License-Identifier: MIT */
#include "private_key.h"

#include "gateway/verify/encoding.h"
#include "gateway/verify/secret_key.h"
#include "secret.h"
#include "text.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define PREFIX "whsk_"
#define SEED_BYTES 32

struct private_key {
    EVP_PKEY *key;
};

bool private_key_is(struct span text)
{
    return text_begins(text, PREFIX);
}

struct private_key *private_key_open(struct span text, struct error *error)
{
    struct span base64 = {text.data + sizeof PREFIX - 1, text.len - (sizeof PREFIX - 1)};
    struct private_key *key = calloc(1, sizeof *key);
    struct buf bytes = {0};
    bool right = text_read_base64(base64, &bytes) &&
                 (bytes.len == SEED_BYTES || bytes.len == SEED_BYTES + SECRET_KEY_PUBLIC_BYTES);

    if (key != NULL && right) {
        key->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)bytes.data,
                                                SEED_BYTES);
    }
    if (key == NULL || bytes.failed || (right && key->key == NULL)) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a private key");
    } else if (!right) {
        (void)error_set(error, ERROR_SETTING,
                        "the secret is not an ed25519 private key: " PREFIX
                        " must be followed by 32 or 64 bytes in base64");
    }
    secret_wipe(bytes.data, bytes.capacity);
    buf_free(&bytes);
    if (key != NULL && key->key == NULL) {
        private_key_free(key);
        key = NULL;
    }
    return key;
}

void private_key_free(struct private_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->key);
        free(key);
    }
}

bool private_key_sign(const struct private_key *key, struct span message, struct buf *out)
{
    unsigned char signature[SECRET_KEY_SIGNATURE_BYTES];
    size_t len = sizeof signature, text_len = encoding_length(ENCODING_BASE64, sizeof signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine =
        context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) == 1 &&
        EVP_DigestSign(context, signature, &len, (const unsigned char *)message.data, message.len) == 1;

    EVP_MD_CTX_free(context);
    if (!fine || !buf_reserve(out, text_len)) {
        return false;
    }
    encoding_write(ENCODING_BASE64, signature, len, out->data + out->len);
    out->len += text_len;
    return true;
}
