/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_PROXIES_H
#define SLUICE_GATEWAY_HTTP_PROXIES_H

/* Who sent a request, and to which host, when proxies of our own stand in between. Only they are believed:
 * anybody can write X-Forwarded-For. Pure. */

#include "error.h"
#include "gateway/request.h"

#define PROXIES_NETWORKS_MAX 32

struct proxies_network {
    unsigned char address[16]; /* an IPv4 one as ::ffff:a.b.c.d */
    unsigned bits;             /* of those 128 */
};

struct proxies {
    struct proxies_network trusted[PROXIES_NETWORKS_MAX];
    size_t count;
};

/* Reads a comma list of networks, "10.0.0.0/8, 2001:db8::/32, 127.0.0.1"; "" is none. ERROR_SETTING names the
 * one that is wrong: no address, too many bits, or bits set behind those of the network. */
MUST_CHECK enum error_code proxies_read(const char *text, struct proxies *proxies, struct error *error);
/* Sets request->host from Host. Where the peer (request->remote) is trusted, besides: remote becomes the
 * right-most address of X-Forwarded-For that is not trusted (the left-most when all are; what stands left of
 * something that isn't an address is not believed). host and https come from X-Forwarded-Host and
 * X-Forwarded-Proto: each trusted proxy adds an item to these lists too, so the item at the same place, from
 * the right, is the one that was added by the proxy that the sender reached. A list that is shorter was not
 * added to by all: its left-most item. */
void proxies_apply(const struct proxies *proxies, struct request *request);

#endif
