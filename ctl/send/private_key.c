/* SPDX-License-Identifier: MIT */
#include "private_key.h"

#include "secret.h"
#include "text.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "whsk_"
#define PEM "-----BEGIN "
#define MARK "PRIVATE KEY"
#define SEED_BYTES 32
#define PUBLIC_BYTES 32

struct private_key {
    EVP_PKEY *key;
    const EVP_MD *digest; /* NULL for ed25519, which has its own */
};

bool private_key_is(struct span text)
{
    return text_begins(text, PREFIX) ||
           (text_begins(text, PEM) && memmem(text.data, text.len, MARK, sizeof MARK - 1) != NULL);
}

/* There is nobody to ask for a password. */
static int no_password(char *text, int size, int writing, void *context)
{
    (void)text, (void)size, (void)writing, (void)context;
    return -1;
}

static EVP_PKEY *read_pem(struct span text)
{
    BIO *bio = text.len > INT_MAX ? NULL : BIO_new_mem_buf(text.data, (int)text.len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

    BIO_free(bio);
    return key;
}

static EVP_PKEY *read_seed(struct span text)
{
    struct span base64 = {text.data + sizeof PREFIX - 1, text.len - (sizeof PREFIX - 1)};
    struct buf bytes = {0};
    EVP_PKEY *key = NULL;

    if (text_read_base64(base64, &bytes) &&
        (bytes.len == SEED_BYTES || bytes.len == SEED_BYTES + PUBLIC_BYTES)) {
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)bytes.data,
                                           SEED_BYTES);
    }
    secret_wipe(bytes.data, bytes.capacity);
    buf_free(&bytes);
    return key;
}

static bool is_of(const EVP_PKEY *key, enum public_key_kind kind)
{
    char group[32] = "";

    switch (kind) {
    case PUBLIC_KEY_ED25519:
        return EVP_PKEY_is_a(key, "ED25519") == 1;
    case PUBLIC_KEY_P256:
        return EVP_PKEY_is_a(key, "EC") == 1 &&
               EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
               span_equal(span_of(group), SPAN_LITERAL("prime256v1"));
    }
    return false;
}

struct private_key *private_key_open(enum public_key_kind kind, struct span text, struct error *error)
{
    struct private_key *key = calloc(1, sizeof *key);

    if (key == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a private key");
        return NULL;
    }
    key->key = text_begins(text, PREFIX) ? read_seed(text) : read_pem(text);
    key->digest = kind == PUBLIC_KEY_P256 ? EVP_sha256() : NULL;
    if (key->key == NULL || !is_of(key->key, kind)) {
        (void)error_set(error, ERROR_SETTING, "the secret is not %s",
                        kind == PUBLIC_KEY_P256
                            ? "a P-256 private key: it must be PEM without a password"
                            : "an ed25519 private key: it must be PEM without a password, or " PREFIX
                              " and 32 or 64 bytes in base64");
        private_key_free(key);
        return NULL;
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

bool private_key_sign(const struct private_key *key, struct span message, enum encoding encoding,
                      struct buf *out)
{
    unsigned char signature[SECRET_KEY_SIGNATURE_MAX];
    size_t len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine =
        context != NULL && EVP_DigestSignInit(context, NULL, key->digest, NULL, key->key) == 1 &&
        EVP_DigestSign(context, signature, &len, (const unsigned char *)message.data, message.len) == 1;

    EVP_MD_CTX_free(context);
    if (!fine || !buf_reserve(out, encoding_length(encoding, len))) {
        return false;
    }
    encoding_write(encoding, signature, len, out->data + out->len);
    out->len += encoding_length(encoding, len);
    return true;
}
