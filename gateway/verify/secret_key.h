/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SECRET_KEY_H
#define SLUICE_GATEWAY_VERIFY_SECRET_KEY_H

/* A secret in the form that checking wants: prepared once, so that a request costs only its own
 * bytes, and never readable again. OpenSSL's EVP behind it. Keys may be used by any thread. */

#include "buf.h"

#define KEY_MAC_MAX 64 /* bytes of the longest MAC, SHA-512's */
#define KEY_PUBLIC_BYTES 32
#define KEY_SIGNATURE_BYTES 64
#define KEY_DIGEST_BYTES 32

enum key_algorithm { KEY_SHA256, KEY_SHA1, KEY_SHA512 };

struct key;

struct key_mac {
    unsigned char bytes[KEY_MAC_MAX];
    size_t len;
};

/* "sha1", "sha256" or "sha512"; false when it is none of them. */
bool key_algorithm_of(struct span name, enum key_algorithm *algorithm);
const char *key_algorithm_name(enum key_algorithm algorithm);

/* Each makes a key of one kind, for key_free; NULL when there is no memory, or (key_public) when the
 * KEY_PUBLIC_BYTES are no ed25519 key. They keep no copy of the text. */
struct key *key_hmac(enum key_algorithm algorithm, struct span secret);
struct key *key_public(struct span bytes);
struct key *key_token(struct span token);
/* Wipes it; NULL is fine. */
void key_free(struct key *key);
/* True when it was made by key_public. */
bool key_is_public(const struct key *key);

/* The HMAC of the pieces, one after another. False: no memory, or no key of key_hmac. */
bool key_authenticate(const struct key *key, const struct span *pieces, size_t count, struct key_mac *mac);
/* True when the signature (KEY_SIGNATURE_BYTES) is this public key's over the message. */
bool key_signed(const struct key *key, struct span message, const unsigned char *signature);
/* True when the digest (see key_digest) is that of what key_token was given: digests are of one length, so
 * that the time tells nothing about the token. */
bool key_equals(const struct key *key, const unsigned char digest[KEY_DIGEST_BYTES]);
/* The SHA-256 of text; false when there is no memory. */
bool key_digest(struct span text, unsigned char digest[KEY_DIGEST_BYTES]);

#endif
