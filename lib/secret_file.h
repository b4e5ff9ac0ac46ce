/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SECRET_FILE_H
#define SLUICE_SECRET_FILE_H

/* A password that is read from its file again, so that it can be changed without a restart. Whoever opens a
 * connection asks here first. Any thread may call it; it reads a regular file of at most 64 KiB. */

#include "buf.h"

#define SECRET_FILE_MAX 1024 /* bytes of a password */

/* Appends the value in force of the secret setting `name`, a string literal, to `value`, which must be empty:
 * what the file in name_FILE holds now, or `given`, the value of the start, when there is no such setting. A
 * file that can't be read, is empty or holds no password (config_read_file, SECRET_FILE_MAX) is logged, at
 * most once in 10 s, and the value that was read last stays in force. A value that differs from the last one
 * is registered for redaction, and the log says that it changed. The caller ends `value` with
 * secret_file_forget. Without memory, value->failed is set. At most 4 names. */
void secret_file_read(const char *name, const char *given, struct buf *value);
/* Wipes and frees it. */
void secret_file_forget(struct buf *value);

#endif
