/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_REGULAR_FILE_H
#define SLUICE_REGULAR_FILE_H

/* Opens the files that the programs read: settings, secrets, routes, keys, certificates, events. Only regular
 * files are read, after symbolic links are followed. Reading a pipe, a socket or a device may wait for ever,
 * and a reload reads again what a pipe gives only once. Any thread. */

#include "error.h"

#include <stdio.h>

/* Returns a descriptor for reading, which the caller closes, or -1. ERROR_SETTING: the file can't be opened,
 * or is not a regular file; the text is what follows the path in a sentence. Never waits for a writer. */
MUST_CHECK int regular_file_open(const char *path, struct error *error);
/* The same as a stream, or NULL; the caller closes it. */
MUST_CHECK FILE *regular_file_stream(const char *path, struct error *error);
/* For a file that a library opens by its name: ERROR_SETTING when it is there and is not a regular file; the
 * text begins with the setting's name and the path. The library reports a file that is missing, better than
 * we could. An empty path is no file. */
MUST_CHECK enum error_code regular_file_check(const char *setting, const char *path, struct error *error);

#endif
