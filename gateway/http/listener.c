/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local bool expected;
static _Thread_local int found;

/* Puts `from` into the place of descriptor `to`, and closes the original. The kernel does it in one step,
 * also while another thread polls it. dup3() is the same, but ThreadSanitizer takes it for a close and
 * reports a race. */
static bool replace(int to, int from)
{
    bool replaced = from >= 0 && syscall(SYS_dup3, from, to, O_CLOEXEC) == to;
    int why = errno;

    if (from >= 0) {
        (void)close(from);
    }
    errno = why;
    return replaced;
}

/* Replaces listen in the whole process. */
int listener_listen(int fd, int backlog) __asm__("listen");

int listener_listen(int fd, int backlog)
{
    if (!expected) {
        return (int)syscall(SYS_listen, fd, backlog);
    }
    expected = false;
    found = fd;
    return 0;
}

void listener_expect(void)
{
    expected = true;
    found = -1;
}

enum error_code listener_begin(int socket, int *listener, struct error *error)
{
    expected = false;
    *listener = found;
    if (found < 0) {
        (void)close(socket);
        return error_set(error, ERROR_BUG, "the HTTP server does not listen");
    }
    return replace(found, socket)
               ? ERROR_NONE
               : error_set(error, ERROR_SYSTEM, "cannot begin to listen: %s", strerror(errno));
}

enum error_code listener_end(int listener, struct error *error)
{
    return replace(listener, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
               ? ERROR_NONE
               : error_set(error, ERROR_SYSTEM, "cannot stop listening: %s", strerror(errno));
}
