/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SECRET_H
#define SLUICE_SECRET_H

/* Secrets that this process knows. Each is registered once, when it is read, so that
 * the log (the one choke point through which text leaves the process) can blank
 * it wherever a library or a server quotes it back. Any thread may call everything here. */

#include "buf.h"
#include "error.h"

/* Remembers a copy of value for redaction until the process ends. Values under
 * 4 bytes are not remembered: they would blank ordinary text. At most 4096
 * secrets: ERROR_LIMIT. */
MUST_CHECK enum error_code secret_register(struct span value, struct error *error);
/* True for a secret that is checked in for development (deploy/dev-secrets), so known to everybody: it begins
 * with "insecure-dev-". */
bool secret_is_insecure(struct span value);
/* Replaces every registered secret in b, from byte `from` on, by "[redacted]". */
void secret_redact(struct buf *b, size_t from);
/* Overwrites memory in a way that the compiler can't drop. */
void secret_wipe(void *memory, size_t len);
/* For SSL_CTX_set_default_passwd_cb: gives no pass phrase and notes in the bool at `encrypted` that a key
 * needs one. Without it OpenSSL asks at the terminal, and the program waits there for ever. */
int secret_no_passphrase(char *phrase, int size, int writing, void *encrypted);

#endif
