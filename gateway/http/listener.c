/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
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

static int find_listener(uint16_t port)
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

bool listener_close(uint16_t port)
{
    int fd = find_listener(port);
    int silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* The kernel replaces the descriptor in one step, while civetweb polls it. dup3() is the same, but
     * ThreadSanitizer takes it for a close and reports a race. */
    bool closed = fd >= 0 && silent >= 0 && syscall(SYS_dup3, silent, fd, O_CLOEXEC) == fd;

    if (silent >= 0) {
        (void)close(silent);
    }
    return closed;
}
