/* SPDX-License-Identifier: MIT */
#include "public_key.h"

#include "text.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define ED25519_BYTES 32
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END "-----END PUBLIC KEY-----"
#define NOT_ED25519 "is not an ed25519 public key: "
#define NOT_P256 "is not a P-256 public key: "
/* The field's prime, and the constant of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1). */
#define ED25519_P "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"
#define ED25519_D "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"

/* --- ed25519 ----------------------------------------------------------------------- */

enum point { POINT_FINE, POINT_NONE, POINT_SMALL, POINT_MEMORY };

/* Judges the point with this y, where x^2 = u / v with u = y^2 - 1 and v = d y^2 + 1. There is such an x if
 * u v is a square. The points of small order have y = 0, u = 0 or d y^4 + 2 y^2 - 1 = 0. */
static enum point judge_y(const BIGNUM *y, const BIGNUM *p, const BIGNUM *d, BN_CTX *context)
{
    BIGNUM *square = BN_CTX_get(context), *u = BN_CTX_get(context), *v = BN_CTX_get(context);
    BIGNUM *product = BN_CTX_get(context);
    int symbol;

    if (BN_cmp(y, p) >= 0) {
        return POINT_NONE;
    }
    if (product == NULL || !BN_mod_sqr(square, y, p, context) ||
        !BN_mod_sub(u, square, BN_value_one(), p, context) || !BN_mod_mul(v, d, square, p, context) ||
        !BN_mod_add(v, v, BN_value_one(), p, context) || !BN_mod_mul(product, square, v, p, context) ||
        !BN_mod_add(product, product, u, p, context)) {
        return POINT_MEMORY;
    }
    if (BN_is_zero(y) || BN_is_zero(u) || BN_is_zero(product)) {
        return POINT_SMALL;
    }
    symbol = BN_mod_mul(product, u, v, p, context) ? BN_kronecker(product, p, context) : -2;
    return symbol == -2 ? POINT_MEMORY : symbol == 1 ? POINT_FINE : POINT_NONE;
}

/* The bytes are y, the lowest first, with the sign of x in the highest bit. */
static enum point judge_point(const unsigned char bytes[ED25519_BYTES])
{
    unsigned char y_bytes[ED25519_BYTES];
    BN_CTX *context = BN_CTX_new();
    BIGNUM *y = NULL, *p = NULL, *d = NULL;
    enum point point = POINT_MEMORY;

    memcpy(y_bytes, bytes, sizeof y_bytes);
    y_bytes[ED25519_BYTES - 1] &= 0x7f;
    y = BN_lebin2bn(y_bytes, sizeof y_bytes, NULL);
    if (context != NULL && y != NULL && BN_hex2bn(&p, ED25519_P) > 0 && BN_hex2bn(&d, ED25519_D) > 0) {
        BN_CTX_start(context);
        point = judge_y(y, p, d, context);
        BN_CTX_end(context);
    }
    BN_free(y);
    BN_free(p);
    BN_free(d);
    BN_CTX_free(context);
    return point;
}

struct secret_key *public_key_ed25519(struct span bytes, const char **wrong)
{
    const unsigned char *raw = (const unsigned char *)bytes.data;

    if (bytes.len != ED25519_BYTES) {
        *wrong = NOT_ED25519 "it must have 32 bytes, written as 64 hex digits, base64 or PEM";
        return NULL;
    }
    switch (judge_point(raw)) {
    case POINT_FINE:
        return secret_key_public(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, bytes.len));
    case POINT_NONE:
        *wrong = NOT_ED25519 "no signature could match it, so at least one digit is wrong";
        return NULL;
    case POINT_SMALL:
        *wrong = NOT_ED25519 "it is one of the few for which anyone can sign";
        return NULL;
    case POINT_MEMORY:
        return NULL;
    }
    return NULL;
}

/* --- SubjectPublicKeyInfo ----------------------------------------------------------- */

static struct secret_key *take_ed25519(const EVP_PKEY *key, const char **wrong)
{
    unsigned char raw[ED25519_BYTES];
    size_t len = sizeof raw;

    if (!EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_get_raw_public_key(key, raw, &len) != 1) {
        *wrong = NOT_ED25519 "it is of another kind";
        return NULL;
    }
    return public_key_ed25519((struct span){(const char *)raw, len}, wrong);
}

/* The decoder has checked that the point is on its curve. */
static struct secret_key *take_p256(EVP_PKEY *key, const char **wrong)
{
    char group[32] = "";

    if (!EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        *wrong = NOT_P256 "it is of another kind or curve";
        return NULL;
    }
    return EVP_PKEY_up_ref(key) == 1 ? secret_key_public(key) : NULL;
}

static struct secret_key *take_der(enum public_key_kind kind, struct span der, const char **wrong)
{
    const unsigned char *begin = (const unsigned char *)der.data, *at = begin;
    EVP_PKEY *key = der.len == 0 ? NULL : d2i_PUBKEY(NULL, &at, (long)der.len);
    struct secret_key *taken = NULL;

    if (key == NULL || at != begin + der.len) {
        *wrong = kind == PUBLIC_KEY_P256
                     ? NOT_P256 "it must be the base64 of DER (SubjectPublicKeyInfo), or PEM"
                     : NOT_ED25519 "it must have 32 bytes, written as 64 hex digits, base64 or PEM";
    } else {
        taken = kind == PUBLIC_KEY_P256 ? take_p256(key, wrong) : take_ed25519(key, wrong);
    }
    EVP_PKEY_free(key);
    return taken;
}

/* --- text ------------------------------------------------------------------------- */

/* Appends the base64 of a PEM text without its line ends. False when it is not exactly one public key. */
static bool read_pem(struct span text, struct buf *base64)
{
    const char *begin = text.data + sizeof PEM_BEGIN - 1, *stop = text.data + text.len;
    const char *end = text.len < sizeof PEM_BEGIN - 1
                          ? NULL
                          : memmem(begin, (size_t)(stop - begin), PEM_END, sizeof PEM_END - 1);

    if (end == NULL || !text_begins(text, PEM_BEGIN)) {
        return false;
    }
    for (const char *at = begin; at < end; at++) {
        if (strchr(" \t\r\n", *at) == NULL) {
            buf_append_char(base64, *at);
        }
    }
    for (const char *at = end + sizeof PEM_END - 1; at < stop; at++) {
        if (*at == '\0' || strchr(" \t\r\n", *at) == NULL) {
            return false;
        }
    }
    return true;
}

struct secret_key *public_key_read(enum public_key_kind kind, struct span text, const char **wrong)
{
    struct buf base64 = {0}, bytes = {0};
    struct secret_key *key = NULL;
    bool pem = text_begins(text, "-----BEGIN ");

    if (pem && memmem(text.data, text.len, "PRIVATE KEY", sizeof "PRIVATE KEY" - 1) != NULL) {
        *wrong = "is a private key, which only the provider may have: write the public key there";
    } else if (pem && !read_pem(text, &base64)) {
        *wrong = "is not one public key in PEM: it must begin with " PEM_BEGIN " and end with " PEM_END;
    } else if (kind == PUBLIC_KEY_ED25519 && !pem && text.len == 2 * (size_t)ED25519_BYTES &&
               text_read_hex(text, &bytes)) {
        key = public_key_ed25519(buf_span(&bytes), wrong);
    } else {
        (void)text_read_base64(pem ? buf_span(&base64) : text, &bytes);
        if (!base64.failed && !bytes.failed) {
            key = kind == PUBLIC_KEY_ED25519 && bytes.len == ED25519_BYTES
                      ? public_key_ed25519(buf_span(&bytes), wrong)
                      : take_der(kind, buf_span(&bytes), wrong);
        }
    }
    buf_free(&base64);
    buf_free(&bytes);
    return key;
}
