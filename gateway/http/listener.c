/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool listens_on(int fd, uint16_t port)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t address_len = sizeof address, flag_len = sizeof(int);
    int listening = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_len) != 0 || !listening ||
        getsockname(fd, (struct sockaddr *)&address, &address_len) != 0) {
        return false;
    }
    switch (address.ss_family) {
    case AF_INET:
        return ntohs(((struct sockaddr_in *)&address)->sin_port) == port;
    case AF_INET6:
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port) == port;
    default:
        return false;
    }
}

int listener_find(uint16_t port)
{
    DIR *descriptors = opendir("/proc/self/fd");
    int found = -1;

    if (descriptors == NULL) {
        return -1;
    }
    for (struct dirent *entry = readdir(descriptors); entry != NULL && found < 0;
         entry = readdir(descriptors)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        found = entry->d_name[0] != '.' && listens_on(fd, port) ? fd : -1;
    }
    (void)closedir(descriptors);
    return found;
}

enum error_code listener_replace(int listener, int socket, struct error *error)
{
    int taken = socket >= 0 ? socket : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* The kernel replaces the descriptor in one step, while civetweb polls it. dup3() is the same, but
     * ThreadSanitizer takes it for a close and reports a race. */
    bool replaced = taken >= 0 && syscall(SYS_dup3, taken, listener, O_CLOEXEC) == listener;
    int why = errno;

    if (taken >= 0) {
        (void)close(taken);
    }
    return replaced ? ERROR_NONE
                    : error_set(error, ERROR_SYSTEM, "cannot replace the listening socket %d: %s", listener,
                                strerror(why));
}
