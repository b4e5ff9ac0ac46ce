/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_SWEEP_H
#define SLUICE_CTL_KEEP_SWEEP_H

/* One run of `sluice prune`, over rows or over bodies: what counts as old, and how far it came. */

#include <libpq-fe.h>
#include <stdint.h>

struct sweep {
    PGconn *database;   /* its time zone is UTC */
    const char *source; /* of this source only; NULL: of all */
    char before[48];    /* what was received before this is old */
    int64_t rows;       /* deleted or emptied so far */
    int64_t bytes;      /* of the bodies that were emptied so far */
    int64_t left;       /* old rows that are still to do, as counted last */
    int64_t left_bytes; /* of their bodies */
};

#endif
