/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include "buf.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_MAX 256

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Splits host:port, drops the brackets of an IPv6 address, and returns the address family. */
static int split(const char *address, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(address, ':');
    struct span name = {address, colon == NULL ? strlen(address) : (size_t)(colon - address)};
    bool brackets = name.len >= 2 && name.data[0] == '[';

    if (brackets) {
        name = (struct span){name.data + 1, name.len - 2};
    }
    (void)text_copy(host, HOST_MAX, name);
    *port = colon == NULL ? "" : colon + 1;
    return brackets ? AF_INET6 : AF_INET;
}

static int open_socket(const struct addrinfo *at)
{
    const int on = 1, off = 0;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
         (at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) ||
         bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)) {
        int why = errno;

        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

enum error_code listen_on(const char *address, int *fd, uint16_t *port, struct error *error)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    union address real = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof real;
    char host[HOST_MAX];
    const char *service;
    struct addrinfo *found = NULL;
    int failure;

    wanted.ai_family = split(address, host, &service);
    failure = getaddrinfo(host, service, &wanted, &found);
    if (failure != 0) {
        return error_set(error, ERROR_SYSTEM, "cannot listen on %s: %s", address,
                         failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
    }
    *fd = open_socket(found);
    freeaddrinfo(found);
    if (*fd < 0) {
        return error_set(error, ERROR_SYSTEM, "cannot listen on %s: %s", address, strerror(errno));
    }
    if (getsockname(*fd, &real.any, &len) != 0) {
        failure = errno;
        (void)close(*fd);
        return error_set(error, ERROR_SYSTEM, "cannot read the port of the listener on %s: %s", address,
                         strerror(failure));
    }
    *port = ntohs(real.v4.sin_port); /* at the same offset in both families */
    return ERROR_NONE;
}
