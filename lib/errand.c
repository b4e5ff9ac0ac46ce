/* SPDX-License-Identifier: MIT */
#include "errand.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct errand {
    const struct errand_kind *kind;
    void *job;
    pthread_t thread;
    int fd;
    atomic_bool done;
    atomic_int holders; /* the thread and the caller */
};

static atomic_int under_way;

static void release(struct errand *e)
{
    if (atomic_fetch_sub(&e->holders, 1) == 1) {
        e->kind->discard(e->job);
        (void)close(e->fd);
        free(e);
    }
}

static void *run(void *argument)
{
    struct errand *e = argument;
    const uint64_t one = 1;

    e->kind->run(e->job);
    atomic_store(&e->done, true);
    (void)!write(e->fd, &one, sizeof one); /* can't fail: the counter was 0 */
    release(e);
    (void)atomic_fetch_sub(&under_way, 1);
    return NULL;
}

/* Starts the thread with all signals blocked. Returns an errno value, or 0. */
static int start(struct errand *e)
{
    sigset_t all, before;
    int failure;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    (void)atomic_fetch_add(&under_way, 1);
    failure = pthread_create(&e->thread, NULL, run, e);
    if (failure != 0) {
        (void)atomic_fetch_sub(&under_way, 1);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

enum error_code errand_begin(struct errand **errand, const struct errand_kind *kind, void *job,
                             struct error *error)
{
    struct errand *e = calloc(1, sizeof *e);
    int failure;

    *errand = NULL;
    if (e == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a thread");
    }
    *e =
        (struct errand){.kind = kind, .job = job, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .holders = 2};
    failure = e->fd < 0 ? errno : start(e);
    if (failure != 0) {
        if (e->fd >= 0) {
            (void)close(e->fd);
        }
        free(e);
        return error_set(error, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failure));
    }
    *errand = e;
    return ERROR_NONE;
}

int errand_fd(const struct errand *errand)
{
    return errand->fd;
}

bool errand_is_done(const struct errand *errand)
{
    return atomic_load(&errand->done);
}

void errand_leave(struct errand *errand)
{
    if (errand_is_done(errand)) {
        (void)pthread_join(errand->thread, NULL);
    } else {
        (void)pthread_detach(errand->thread);
    }
    release(errand);
}

_Noreturn void errand_exit(int status)
{
    if (atomic_load(&under_way) > 0) {
        _exit(status);
    }
    exit(status);
}
