/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_WATCHED_FILES_H
#define SLUICE_GATEWAY_SOURCES_WATCHED_FILES_H

/* The files that a reload reads, and whether they have changed since. A file has changed when its name, after
 * symbolic links, leads to another file, or to none, or when its size or its times differ: so also when a
 * folder's link is swapped, as Kubernetes does. One thread. */

#include "buf.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct watched_files { /* zeroed: none */
    struct buf names;  /* each ends in NUL */
    uint64_t read;     /* their state when they were added */
    uint64_t looked;   /* and at the last look */
};

/* Adds a file; call it just before the file is read, so that no later change is missed. An empty path is no
 * file. Copies the path; looks at the file, but doesn't open it. */
void watched_files_add(struct watched_files *files, const char *path);
/* Adds the file of each secret ({"file": ...}) anywhere in a parsed routes file. */
void watched_files_add_secrets(struct watched_files *files, const cJSON *json);
/* True when the files have changed since they were added and not any more since the last call: who writes a
 * file, or several, in steps is given the time between two calls. Without memory for a name it is never true.
 */
bool watched_files_changed(struct watched_files *files);
/* Forgets them all. Safe when there are none. */
void watched_files_forget(struct watched_files *files);

#endif
