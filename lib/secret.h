/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SECRET_H
#define SLUICE_SECRET_H

/* Secrets that this process knows. Each is registered once, at start, so that
 * the log (the one choke point through which text leaves the process) can blank
 * it wherever a library or a server quotes it back. */

#include "buf.h"
#include "error.h"

/* Remembers a copy of value for redaction until the process ends. Values under
 * 4 bytes are not remembered: they would blank ordinary text. At most 64
 * secrets: ERROR_LIMIT. Not thread-safe: call before any thread starts. */
MUST_CHECK enum error_code secret_register(struct span value, struct error *error);
/* Replaces every registered secret in b, from byte `from` on, by "[redacted]".
 * Any thread. */
void secret_redact(struct buf *b, size_t from);
/* Overwrites memory in a way that the compiler can't drop. */
void secret_wipe(void *memory, size_t len);

#endif
