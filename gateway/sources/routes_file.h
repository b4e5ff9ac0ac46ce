/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_FILE_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_FILE_H

/* Reads the routes file: JSON, described by etc/routes.schema.json, into a table of routes. Reports all
 * errors at once, each with its JSON path. Unknown members are errors. */

#include "source.h"
#include "watched_files.h"

#define ROUTES_FILE_MAX (1 << 20)

struct routes_options {
    const char *file;
    const char *label; /* start of each complaint */
    bool secrets;      /* false: do not read them (offline); the table then cannot verify requests */
    /* Defaults for sources that set none: */
    int64_t max_body;
    int64_t delay_us;
    struct watched_files *files; /* NULL: none; gets the routes file and its secrets before they are read */
};

/* Returns the table with one reference, for source_release; NULL after complaints, one line each. Any thread;
 * reads files. */
struct routes *routes_read(const struct routes_options *options, struct buf *complaints);

#endif
