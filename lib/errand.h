/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ERRAND_H
#define SLUICE_ERRAND_H

/* A job that may wait for others for long, done by a thread of its own: whoever began it goes on, polls for
 * its end, and may leave at any time; the thread then ends by itself, whenever that is. */

#include "error.h"

struct errand;

/* What a thread does to its job, and how a job is freed that nobody wants. Both may run in that thread, with
 * all signals blocked, and after whoever began it has gone: a job holds copies, never views. */
struct errand_kind {
    void (*run)(void *job);
    void (*discard)(void *job);
};

/* Begins the job and takes it over. *errand is the caller's, for errand_leave. ERROR_MEMORY, ERROR_SYSTEM:
 * the job is the caller's still. */
MUST_CHECK enum error_code errand_begin(struct errand **errand, const struct errand_kind *kind, void *job,
                                        struct error *error);
/* Readable for ever once the job is done; poll it, never read it. Any thread. */
int errand_fd(const struct errand *errand);
/* From then on the job is whoever's began it to look at, until errand_leave. Any thread. */
bool errand_is_done(const struct errand *errand);
/* Gives up the errand. Whoever has it last, the caller or the thread, discards the job. */
void errand_leave(struct errand *errand);

/* Ends the process with this status, like exit(), but at once when there are threads under way: they may be
 * within a library that cleans up at the exit. */
_Noreturn void errand_exit(int status);

#endif
