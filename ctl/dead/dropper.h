/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_DROPPER_H
#define SLUICE_CTL_DEAD_DROPPER_H

/* Deletes the dead letters that a filter selects, for `sluice dead drop` and the console. */

#include "error.h"
#include "filter.h"

#include <libpq-fe.h>
#include <stdint.h>

struct dropper_options {
    int64_t deadline_us; /* monotonic: no batch begins after it; 0: none */
    const char *action;  /* the filter as it was given, for the audit line (see audit_begin) */
    int argument_count;
    char **arguments;
};

/* Deletes in batches, so that no lock is held for long. The filter is complete (deadfilter_begin); database:
 * as a role that may delete dead letters. *dropped: how many are gone, also after an error. Errors as for
 * database_query.
 */
MUST_CHECK enum error_code dropper_run(const struct deadfilter *filter, PGconn *database,
                                       const struct dropper_options *options, int64_t *dropped,
                                       struct error *error);

#endif
