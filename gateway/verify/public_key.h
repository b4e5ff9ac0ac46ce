/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_PUBLIC_KEY_H
#define SLUICE_GATEWAY_VERIFY_PUBLIC_KEY_H

/* Reads the public keys with which providers let their signatures be checked. Pure. */

#include "secret_key.h"

enum public_key_kind {
    PUBLIC_KEY_ED25519,
    PUBLIC_KEY_P256, /* ECDSA on the curve P-256, with SHA-256 */
};

/* Both return a key for secret_key_free. Otherwise NULL, with *wrong set to the end of a sentence about the
 * key ("is ..."), static; or, without memory, with *wrong as it was. */

/* Reads a key's text: PEM or the base64 of DER (both SubjectPublicKeyInfo, RFC 5280, 4.1.2.7); for ed25519
 * also the 32 bytes in hex or base64. */
struct secret_key *public_key_read(enum public_key_kind kind, struct span text, const char **wrong);
/* Takes the 32 bytes of an ed25519 key. Refuses bytes that are not a point of the curve, since no signature
 * could match them, and the points of small order, such as 32 zeros, since anyone can sign for them. */
struct secret_key *public_key_ed25519(struct span bytes, const char **wrong);

#endif
