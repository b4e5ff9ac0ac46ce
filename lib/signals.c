/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int drain_fd = -1, reload_fd = -1;

/* Blocks the signals for this thread and those that it starts, and opens a descriptor for them. */
static enum error_code take(const sigset_t *signals, int *fd, struct error *error)
{
    int failure = pthread_sigmask(SIG_BLOCK, signals, NULL);

    if (failure != 0) {
        return error_set(error, ERROR_SYSTEM, "cannot block signals: %s", strerror(failure));
    }
    *fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (*fd < 0) {
        return error_set(error, ERROR_SYSTEM, "cannot create a signalfd: %s", strerror(errno));
    }
    return ERROR_NONE;
}

enum error_code signals_install_drain(struct error *error)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return error_set(error, ERROR_SYSTEM, "cannot ignore SIGPIPE: %s", strerror(errno));
    }
    return take(&signals, &drain_fd, error);
}

int signals_drain_fd(void)
{
    return drain_fd;
}

bool signals_drain_requested(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

enum error_code signals_install_reload(struct error *error)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGHUP);
    return take(&signals, &reload_fd, error);
}

int signals_reload_fd(void)
{
    return reload_fd;
}

bool signals_take_reload(void)
{
    struct signalfd_siginfo taken;

    return read(reload_fd, &taken, sizeof taken) == (ssize_t)sizeof taken;
}
