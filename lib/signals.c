/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int drain_event = -1, reload_event = -1;
static atomic_bool requested;

/* Called from signal handlers. The write fails only when the counter is full, and thus readable. */
static void notify(int event)
{
    int saved = errno;
    const uint64_t one = 1;

    (void)!write(event, &one, sizeof one);
    errno = saved;
}

static void on_drain(int number)
{
    (void)number;
    atomic_store(&requested, true);
    notify(drain_event);
}

static void on_reload(int number)
{
    (void)number;
    notify(reload_event);
}

static enum error_code handle(int number, void (*handler)(int), struct error *error)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    if (sigaction(number, &action, NULL) != 0) {
        return error_set(error, ERROR_SYSTEM, "cannot install the handler for SIG%s: %s",
                         sigabbrev_np(number), strerror(errno));
    }
    return ERROR_NONE;
}

static enum error_code open_event(int *event, struct error *error)
{
    *event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (*event < 0) {
        return error_set(error, ERROR_SYSTEM, "cannot create an eventfd: %s", strerror(errno));
    }
    return ERROR_NONE;
}

enum error_code signals_install_drain(struct error *error)
{
    enum error_code code = open_event(&drain_event, error);

    if (code == ERROR_NONE) {
        code = handle(SIGTERM, on_drain, error);
    }
    if (code == ERROR_NONE) {
        code = handle(SIGINT, on_drain, error);
    }
    return code == ERROR_NONE ? handle(SIGPIPE, SIG_IGN, error) : code;
}

int signals_drain_fd(void)
{
    return drain_event;
}

bool signals_drain_requested(void)
{
    return atomic_load(&requested);
}

enum error_code signals_install_reload(struct error *error)
{
    enum error_code code = open_event(&reload_event, error);

    return code == ERROR_NONE ? handle(SIGHUP, on_reload, error) : code;
}

int signals_reload_fd(void)
{
    return reload_event;
}

bool signals_take_reload(void)
{
    uint64_t count;

    return read(reload_event, &count, sizeof count) == (ssize_t)sizeof count;
}
