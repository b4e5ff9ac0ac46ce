/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_REPLAY_CHECKPOINT_H
#define SLUICE_CTL_REPLAY_CHECKPOINT_H

/* How far a replay has come, in a file of one JSON object. It is replaced as a whole after each window of
 * confirms, so that a replay which was killed continues where the broker had confirmed all. */

#include "buf.h"
#include "error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise; free with checkpoint_free. */
struct checkpoint {
    cJSON *options;             /* what was asked for, by option: a text, an array of texts or null */
    int64_t since_us, until_us; /* since 1970: the times, which may have been given as ages */
    struct buf position;        /* a cursor (ctl/look); empty: at the first event */
    int64_t published;          /* so far, by all runs together */
    bool done;                  /* nothing is left */
};

/* Appends the file's text. Pure. */
void checkpoint_append(const struct checkpoint *checkpoint, struct buf *out);
/* Reads such a text. Returns false when it is none; *checkpoint must then only be freed. Pure. */
MUST_CHECK bool checkpoint_read(struct span text, struct checkpoint *checkpoint);
/* Compares the options with those of this command, an object of the same kind. ERROR_SETTING names the first
 * that differs, with both values. path: the file's, for the sentence. Pure. */
MUST_CHECK enum error_code checkpoint_compare(const struct checkpoint *checkpoint, const cJSON *options,
                                              const char *path, struct error *error);
/* Reads the file. *found: false when there is none, and *checkpoint is as before. ERROR_SETTING: it can't be
 * read, or is no such file. */
MUST_CHECK enum error_code checkpoint_load(struct checkpoint *checkpoint, const char *path, bool *found,
                                           struct error *error);
/* Writes the file beside its place, to the disk, then moves it there. ERROR_SETTING names what failed. */
MUST_CHECK enum error_code checkpoint_save(const struct checkpoint *checkpoint, const char *path,
                                           struct error *error);
void checkpoint_free(struct checkpoint *checkpoint);

#endif
