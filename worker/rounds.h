/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_ROUNDS_H
#define SLUICE_WORKER_ROUNDS_H

/* The progress of a batch from pipeline to pipeline: how large its transactions may be, whether events share
 * statements, and when the remaining events must go back. Pure. */

#include "pipeline.h"

#define ROUNDS_WARY_EVENTS 64 /* events in a transaction, when a failure is to be expected */

struct rounds {
    size_t failed, timeouts; /* pipelines with a failure; with a timeout */
    size_t stalled;          /* pipelines in a row with an unclear failure and nothing stored */
    size_t most;             /* events in a transaction */
    bool together;           /* statements may store several events */
};

/* Takes a pipeline's result into account. True when the remaining events must go back: the server is at
 * fault, or there were too many timeouts, or several unclear failures with nothing stored, which may have the
 * same cause for all events. */
bool rounds_must_end(struct rounds *r, const struct pipeline_result *result);

#endif
