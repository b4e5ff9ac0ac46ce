/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SECRET_KEY_H
#define SLUICE_GATEWAY_VERIFY_SECRET_KEY_H

/* A secret prepared for verification with OpenSSL: set up once, so that each request costs only its own
 * bytes. The secret cannot be read back. Any thread may use a key. */

#include "buf.h"

#define SECRET_KEY_MAC_MAX 64       /* bytes of the longest MAC, SHA-512's */
#define SECRET_KEY_SIGNATURE_MAX 72 /* bytes of the longest signature: ECDSA on P-256, in DER */
#define SECRET_KEY_DIGEST_BYTES 32

enum secret_key_algorithm { SECRET_KEY_SHA256, SECRET_KEY_SHA1, SECRET_KEY_SHA512 };

struct secret_key;
struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

struct secret_key_mac {
    unsigned char bytes[SECRET_KEY_MAC_MAX];
    size_t len;
};

/* Parses "sha1", "sha256" or "sha512"; false for anything else. */
bool secret_key_algorithm_of(struct span name, enum secret_key_algorithm *algorithm);
const char *secret_key_algorithm_name(enum secret_key_algorithm algorithm);

/* Each makes a key of one kind, for secret_key_free; NULL when there is no memory. They keep no copy of the
 * text. */
struct secret_key *secret_key_hmac(enum secret_key_algorithm algorithm, struct span secret);
struct secret_key *secret_key_token(struct span token);
/* Takes over a public key, ed25519 or P-256 (gateway/verify/public_key reads them), even when there is no
 * memory. NULL for NULL. */
struct secret_key *secret_key_public(struct evp_pkey_st *key);
/* Wipes and frees the key. key may be NULL. */
void secret_key_free(struct secret_key *key);
/* True for a key of secret_key_public. */
bool secret_key_is_public(const struct secret_key *key);

/* Computes the HMAC of the concatenated pieces. False when there is no memory, or the key is not from
 * secret_key_hmac. */
bool secret_key_authenticate(const struct secret_key *key, const struct span *pieces, size_t count,
                             struct secret_key_mac *mac);
/* True for an ed25519 key, which verifies a message in one piece only. */
bool secret_key_wants_one_piece(const struct secret_key *key);
/* True when the bytes have the form of this public key's signatures: 64 bytes for ed25519, DER for P-256. */
bool secret_key_may_sign(const struct secret_key *key, struct span signature);
/* True when the signature of the concatenated pieces is valid for this public key. */
bool secret_key_signed(const struct secret_key *key, const struct span *pieces, size_t count,
                       struct span signature);
/* True when the digest (of secret_key_digest) matches the token of secret_key_token. Digests have one length,
 * so the time reveals nothing about the token. */
bool secret_key_equals(const struct secret_key *key, const unsigned char digest[SECRET_KEY_DIGEST_BYTES]);
/* The SHA-256 of text; false when there is no memory. */
bool secret_key_digest(struct span text, unsigned char digest[SECRET_KEY_DIGEST_BYTES]);

#endif
