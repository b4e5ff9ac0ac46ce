/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_PRIVATE_KEY_H
#define SLUICE_CTL_SEND_PRIVATE_KEY_H

/* A private key: PEM, or for ed25519 also that of Standard Webhooks, "whsk_" and base64. Only a test event is
 * signed with one: the gateway has no use for private keys, and a route refuses them. */

#include "buf.h"
#include "error.h"
#include "gateway/verify/encoding.h"
#include "gateway/verify/public_key.h"

struct private_key;

/* True for the text of such a key. Pure. */
bool private_key_is(struct span text);
/* Reads a key of this kind: PEM without a password, or after whsk_ the 32 bytes of the seed, alone or
 * followed by the 32 of the public key. Returns NULL with ERROR_SETTING or ERROR_MEMORY; the error never
 * holds the text. For private_key_free. */
struct private_key *private_key_open(enum public_key_kind kind, struct span text, struct error *error);
/* key may be NULL. */
void private_key_free(struct private_key *key);
/* Appends the signature of the message in this encoding. False when out of memory. */
MUST_CHECK bool private_key_sign(const struct private_key *key, struct span message, enum encoding encoding,
                                 struct buf *out);

#endif
