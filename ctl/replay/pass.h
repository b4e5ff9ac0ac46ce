/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_REPLAY_PASS_H
#define SLUICE_CTL_REPLAY_PASS_H

/* One run of a replay: publishes window after window of the rows, and moves the checkpoint when the broker
 * has confirmed all of a window. So whatever happens, each event is published at least once by the time that
 * the checkpoint is done; those of the last window may be published twice. */

#include "checkpoint.h"
#include "ctl/republish/publisher.h"
#include "stored.h"

#include <stdbool.h>
#include <stdint.h>

/* Messages of one window, at most PUBLISHER_OUTSTANDING_MAX. */
#define PASS_WINDOW 500

struct pass {
    const char *name; /* of the subcommand, for complaints */
    struct stored *rows;
    struct publisher *publisher; /* open */
    struct checkpoint *checkpoint;
    const char *path;    /* of the checkpoint's file */
    int64_t rate;        /* at most so many a second */
    int64_t backlog;     /* no more than these are ever ready where it publishes to */
    int64_t replayed_us; /* for sluice-replayed; 0: none */
    bool told;           /* that it waits */
    int64_t published;   /* by this run, and confirmed */
    int64_t unreadable;  /* rows that are no envelope, and so were left out */
};

/* Runs until nothing is left (the checkpoint is then done), the broker refuses, or a drain is requested.
 * Returns an error of a server or of the file. Says on standard error what was left out, and why it ended. */
MUST_CHECK enum error_code pass_run(struct pass *pass, struct error *error);

#endif
