/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

_Static_assert(PEER_TEXT >= INET6_ADDRSTRLEN, "an address must fit");

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

void peer_name(int fd, char text[PEER_TEXT])
{
    union address peer = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof peer;
    const void *address = NULL;
    int family = AF_INET;

    text[0] = '\0';
    if (getpeername(fd, &peer.any, &len) != 0) {
        return;
    }
    if (peer.any.sa_family == AF_INET) {
        address = &peer.v4.sin_addr;
    } else if (peer.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr)) {
        address = &peer.v6.sin6_addr.s6_addr[12];
    } else if (peer.any.sa_family == AF_INET6) {
        address = &peer.v6.sin6_addr;
        family = AF_INET6;
    }
    if (address == NULL || inet_ntop(family, address, text, PEER_TEXT) == NULL) {
        text[0] = '\0';
    }
}
