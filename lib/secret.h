/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SECRET_H
#define SLUICE_SECRET_H

/* The secrets that this process knows. Code that reads a secret registers it, so that the log can redact it
 * when a library or a server quotes it in a message. Any thread may call these functions. */

#include "buf.h"
#include "error.h"

/* Keeps a copy of value for redaction until the process ends. Ignores values under 4 bytes, since they would
 * redact ordinary text. ERROR_LIMIT above 4096 different secrets; ERROR_MEMORY. */
MUST_CHECK enum error_code secret_register(struct span value, struct error *error);
/* True for a development secret from the repository (deploy/dev-secrets), which is publicly known. These
 * begin with "insecure-dev-". */
bool secret_is_insecure(struct span value);
/* Replaces every registered secret in b from byte `from` on by "[redacted]". Truncates b before a secret that
 * it has no memory to replace, and sets b->failed. */
void secret_redact(struct buf *b, size_t from);
/* Lets the kernel write a core of this process when it crashes, or forbids it: a core holds all secrets. What
 * is forbidden also keeps processes of the same user from reading the memory and tracing the process. Call it
 * before the first secret is read. */
void secret_allow_core(bool allowed);
/* Zeroes memory; the compiler can't optimise it away. */
void secret_wipe(void *memory, size_t len);
/* A callback for SSL_CTX_set_default_passwd_cb: supplies no pass phrase, and sets the bool at `encrypted`
 * because the key needs one. Without a callback OpenSSL prompts on the terminal and blocks. */
int secret_no_passphrase(char *phrase, int size, int writing, void *encrypted);

#endif
