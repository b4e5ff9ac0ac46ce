/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int event = -1;

static void on_signal(int number)
{
    int saved = errno;
    const uint64_t one = 1;

    (void)number;
    (void)!write(event, &one, sizeof one);
    errno = saved;
}

enum error_code reload_install(struct error *error)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event < 0 || sigaction(SIGHUP, &action, NULL) != 0) {
        return error_set(error, ERROR_SYSTEM, "no handler for SIGHUP: %s", strerror(errno));
    }
    return ERROR_NONE;
}

int reload_fd(void)
{
    return event;
}

bool reload_take(void)
{
    uint64_t count;

    return read(event, &count, sizeof count) == (ssize_t)sizeof count;
}
