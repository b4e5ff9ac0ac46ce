/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ERRAND_H
#define SLUICE_ERRAND_H

/* Runs a job that may block for long on a thread of its own. The caller continues, polls for the end, and may
 * leave at any time; the thread then finishes by itself. */

#include "error.h"

struct errand;

/* run does the job; discard frees it when nobody needs it any more. Both may run on the errand's thread, with
 * all signals blocked, after the caller has left: a job holds copies, never views. */
struct errand_kind {
    void (*run)(void *job);
    void (*discard)(void *job);
};

/* Starts the job and takes ownership of it. The caller ends *errand with errand_leave. ERROR_MEMORY,
 * ERROR_SYSTEM: the caller still owns the job. */
MUST_CHECK enum error_code errand_begin(struct errand **errand, const struct errand_kind *kind, void *job,
                                        struct error *error);
/* Becomes readable when the job is done, and stays so. Poll it, never read it. Any thread. */
int errand_fd(const struct errand *errand);
/* True when the job is done; from then on the caller may read it, until errand_leave. Any thread. */
bool errand_is_done(const struct errand *errand);
/* Leaves the errand. The job is discarded when both the caller and the thread have left it. When the job is
 * done, this waits for the thread's end, which is near: libraries have then freed what they keep for it. */
void errand_leave(struct errand *errand);

/* Ends the process with this status, like exit(), but without exit handlers when errands are running: they
 * may be inside a library that cleans up at exit. */
_Noreturn void errand_exit(int status);

#endif
