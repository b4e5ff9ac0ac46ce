/* SPDX-License-Identifier: MIT */
#include "secret_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define ED25519_SIGNATURE_BYTES 64

/* Exactly one of the three is in use: the digest when mac and public are NULL. */
struct secret_key {
    EVP_MAC_CTX *mac; /* keyed; each request uses a copy */
    EVP_PKEY *public;
    unsigned char digest[SECRET_KEY_DIGEST_BYTES]; /* of the token */
};

static const char *const names[] = {
    [SECRET_KEY_SHA256] = "sha256", [SECRET_KEY_SHA1] = "sha1", [SECRET_KEY_SHA512] = "sha512"};

bool secret_key_algorithm_of(struct span name, enum secret_key_algorithm *algorithm)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_equal(name, span_of(names[i]))) {
            *algorithm = (enum secret_key_algorithm)i;
            return true;
        }
    }
    return false;
}

const char *secret_key_algorithm_name(enum secret_key_algorithm algorithm)
{
    return names[algorithm];
}

static const unsigned char *bytes_of(struct span text)
{
    return (const unsigned char *)(text.data == NULL ? "" : text.data);
}

struct secret_key *secret_key_hmac(enum secret_key_algorithm algorithm, struct span secret)
{
    char digest[16] = ""; /* OpenSSL calls strlen on it, and wants no const */
    OSSL_PARAM params[] = {OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
    struct secret_key *key = calloc(1, sizeof *key);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);

    memcpy(digest, names[algorithm], strlen(names[algorithm]) + 1);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    if (key != NULL && mac != NULL) {
        key->mac = EVP_MAC_CTX_new(mac); /* holds a reference to mac */
    }
    EVP_MAC_free(mac);
    if (key == NULL || key->mac == NULL ||
        EVP_MAC_init(key->mac, bytes_of(secret), secret.len, params) != 1) {
        secret_key_free(key);
        return NULL;
    }
    return key;
}

struct secret_key *secret_key_public(EVP_PKEY *public)
{
    struct secret_key *key = public == NULL ? NULL : calloc(1, sizeof *key);

    if (key == NULL) {
        EVP_PKEY_free(public);
        return NULL;
    }
    key->public = public;
    return key;
}

struct secret_key *secret_key_token(struct span token)
{
    struct secret_key *key = calloc(1, sizeof *key);

    if (key == NULL || !secret_key_digest(token, key->digest)) {
        secret_key_free(key);
        return NULL;
    }
    return key;
}

void secret_key_free(struct secret_key *key)
{
    if (key != NULL) {
        EVP_MAC_CTX_free(key->mac);
        EVP_PKEY_free(key->public);
        OPENSSL_cleanse(key, sizeof *key);
        free(key);
    }
}

bool secret_key_is_public(const struct secret_key *key)
{
    return key->public != NULL;
}

bool secret_key_authenticate(const struct secret_key *key, const struct span *pieces, size_t count,
                             struct secret_key_mac *mac)
{
    EVP_MAC_CTX *copy = key->mac == NULL ? NULL : EVP_MAC_CTX_dup(key->mac);
    bool fine = copy != NULL;

    for (size_t i = 0; i < count && fine; i++) {
        fine = EVP_MAC_update(copy, bytes_of(pieces[i]), pieces[i].len) == 1;
    }
    fine = fine && EVP_MAC_final(copy, mac->bytes, &mac->len, sizeof mac->bytes) == 1;
    EVP_MAC_CTX_free(copy);
    return fine;
}

bool secret_key_wants_one_piece(const struct secret_key *key)
{
    return key->public != NULL && EVP_PKEY_get_base_id(key->public) == EVP_PKEY_ED25519;
}

bool secret_key_may_sign(const struct secret_key *key, struct span signature)
{
    const unsigned char *at = bytes_of(signature), *end = at + signature.len;
    ECDSA_SIG *parsed;
    bool fine;

    if (secret_key_wants_one_piece(key)) {
        return signature.len == ED25519_SIGNATURE_BYTES;
    }
    parsed = signature.len > SECRET_KEY_SIGNATURE_MAX ? NULL : d2i_ECDSA_SIG(NULL, &at, (long)signature.len);
    fine = parsed != NULL && at == end;
    ECDSA_SIG_free(parsed);
    return fine;
}

static bool is_signed(EVP_MD_CTX *context, const struct span *pieces, size_t count, struct span signature)
{
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestVerifyUpdate(context, bytes_of(pieces[i]), pieces[i].len) != 1) {
            return false;
        }
    }
    return EVP_DigestVerifyFinal(context, bytes_of(signature), signature.len) == 1;
}

bool secret_key_signed(const struct secret_key *key, const struct span *pieces, size_t count,
                       struct span signature)
{
    bool one = secret_key_wants_one_piece(key), fine;
    EVP_MD_CTX *context = key->public == NULL || (one && count != 1) ? NULL : EVP_MD_CTX_new();

    fine = context != NULL &&
           EVP_DigestVerifyInit(context, NULL, one ? NULL : EVP_sha256(), NULL, key->public) == 1 &&
           (one ? EVP_DigestVerify(context, bytes_of(signature), signature.len, bytes_of(pieces[0]),
                                   pieces[0].len) == 1
                : is_signed(context, pieces, count, signature));
    EVP_MD_CTX_free(context);
    return fine;
}

bool secret_key_equals(const struct secret_key *key, const unsigned char digest[SECRET_KEY_DIGEST_BYTES])
{
    return key->mac == NULL && key->public == NULL &&
           CRYPTO_memcmp(digest, key->digest, sizeof key->digest) == 0;
}

bool secret_key_digest(struct span text, unsigned char digest[SECRET_KEY_DIGEST_BYTES])
{
    return EVP_Digest(bytes_of(text), text.len, digest, NULL, EVP_sha256(), NULL) == 1;
}
