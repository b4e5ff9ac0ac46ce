/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SECRET_KEY_H
#define SLUICE_GATEWAY_VERIFY_SECRET_KEY_H

/* A secret in the form that checking wants: prepared once, so that a request costs only its own
 * bytes, and never readable again. OpenSSL's EVP behind it. Keys may be used by any thread. */

#include "buf.h"

#define SECRET_KEY_MAC_MAX 64 /* bytes of the longest MAC, SHA-512's */
#define SECRET_KEY_PUBLIC_BYTES 32
#define SECRET_KEY_SIGNATURE_BYTES 64
#define SECRET_KEY_DIGEST_BYTES 32

enum secret_key_algorithm { SECRET_KEY_SHA256, SECRET_KEY_SHA1, SECRET_KEY_SHA512 };

struct secret_key;

struct secret_key_mac {
    unsigned char bytes[SECRET_KEY_MAC_MAX];
    size_t len;
};

/* "sha1", "sha256" or "sha512"; false when it is none of them. */
bool secret_key_algorithm_of(struct span name, enum secret_key_algorithm *algorithm);
const char *secret_key_algorithm_name(enum secret_key_algorithm algorithm);

/* Each makes a key of one kind, for secret_key_free; NULL when there is no memory, or (secret_key_public)
 * when the SECRET_KEY_PUBLIC_BYTES are no ed25519 key. They keep no copy of the text. */
struct secret_key *secret_key_hmac(enum secret_key_algorithm algorithm, struct span secret);
struct secret_key *secret_key_public(struct span bytes);
struct secret_key *secret_key_token(struct span token);
/* Wipes it; NULL is fine. */
void secret_key_free(struct secret_key *key);
/* True when it was made by secret_key_public. */
bool secret_key_is_public(const struct secret_key *key);

/* The HMAC of the pieces, one after another. False: no memory, or no key of secret_key_hmac. */
bool secret_key_authenticate(const struct secret_key *key, const struct span *pieces, size_t count,
                             struct secret_key_mac *mac);
/* True when the signature (SECRET_KEY_SIGNATURE_BYTES) is this public key's over the message. */
bool secret_key_signed(const struct secret_key *key, struct span message, const unsigned char *signature);
/* True when the digest (see secret_key_digest) is that of what secret_key_token was given: digests are of one
 * length, so that the time tells nothing about the token. */
bool secret_key_equals(const struct secret_key *key, const unsigned char digest[SECRET_KEY_DIGEST_BYTES]);
/* The SHA-256 of text; false when there is no memory. */
bool secret_key_digest(struct span text, unsigned char digest[SECRET_KEY_DIGEST_BYTES]);

#endif
