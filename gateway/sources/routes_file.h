/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_FILE_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_FILE_H

/* The routes file: JSON (etc/routes.schema.json says what may stand in it) that becomes a
 * table of routes. All its errors are found at once, each with its JSON path; unknown members are errors. */

#include "source.h"

#define ROUTES_FILE_MAX (1 << 20)

struct routes_options {
    const char *file;
    const char *label; /* what each complaint begins with */
    bool secrets;      /* read them too; false: offline, the table is for looking only */
    /* Of a source that names none: */
    int64_t max_body;
    int64_t delay_us;
};

/* The table, held once; NULL after complaints, a line each. Any thread, at any time; reads files. */
struct routes *routes_read(const struct routes_options *options, struct buf *complaints);

#endif
