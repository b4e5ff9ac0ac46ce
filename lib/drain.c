/* SPDX-License-Identifier: MIT */
#include "drain.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int event = -1;
static atomic_bool requested;

static void on_signal(int number)
{
    int saved = errno;
    const uint64_t one = 1;
    ssize_t written;

    (void)number;
    atomic_store(&requested, true);
    /* Fails only when the counter is full, and then it is readable already. */
    written = write(event, &one, sizeof one);
    (void)written;
    errno = saved;
}

enum error_code drain_install(struct error *error)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event < 0) {
        return error_set(error, ERROR_SYSTEM, "eventfd: %s", strerror(errno));
    }
    if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return error_set(error, ERROR_SYSTEM, "sigaction: %s", strerror(errno));
    }
    return ERROR_NONE;
}

int drain_fd(void)
{
    return event;
}

bool drain_requested(void)
{
    return atomic_load(&requested);
}
