/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_PROXIES_H
#define SLUICE_GATEWAY_HTTP_PROXIES_H

/* Finds the sender of a request, and the host it was sent to, behind trusted proxies. X-Forwarded-* headers
 * are used only when a trusted proxy sent them, since any sender can set them. Pure. */

#include "error.h"
#include "gateway/request.h"

#define PROXIES_NETWORKS_MAX 32

struct proxies_network {
    unsigned char address[16]; /* an IPv4 one as ::ffff:a.b.c.d */
    unsigned bits;             /* prefix length, of those 128 bits */
};

struct proxies {
    struct proxies_network trusted[PROXIES_NETWORKS_MAX];
    size_t count;
};

/* Reads a comma list of networks, "10.0.0.0/8, 2001:db8::/32, 127.0.0.1"; "" means none. ERROR_SETTING names
 * the wrong item: not an address, a prefix that is too long, or host bits that are set. */
MUST_CHECK enum error_code proxies_read(const char *text, struct proxies *proxies, struct error *error);
/* When the peer (request->remote) is trusted, applies its headers; else changes nothing. remote
 * becomes the right-most address of X-Forwarded-For that is not trusted (the left-most one when all are
 * trusted; items to the left of one that is not an address are ignored). host and https come from
 * X-Forwarded-Host and X-Forwarded-Proto. Each trusted proxy appends to these lists too, so the item at the
 * same position, counted from the right, is from the proxy that the sender reached. When not every proxy has
 * appended and the list is shorter, its left-most item is used. */
void proxies_apply(const struct proxies *proxies, struct request *request);

#endif
