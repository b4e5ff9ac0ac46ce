/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_REQUEST_H
#define SLUICE_GATEWAY_REQUEST_H

/* A request's head as views into memory of the HTTP server's, valid until its
 * reply is written. What the modules of an event's path share. Pure. */

#include "buf.h"

#define REQUEST_HEADERS_MAX 64 /* as many as civetweb keeps; it drops the rest in silence */

/* The methods that a request may have, one bit each in the order of Allow. */
#define REQUEST_METHODS 7
#define REQUEST_METHODS_ALL ((1U << REQUEST_METHODS) - 1)

struct request_header {
    struct span name;  /* as sent: compare with request_is */
    struct span value; /* without the white space around it */
};

struct request {
    struct span method;
    struct span path;   /* the raw target up to '?' */
    struct span query;  /* the raw rest, without '?' */
    struct span remote; /* the peer's address */
    struct span host;   /* as the sender named it, with its port if any: see gateway/http/proxies */
    bool https;         /* how the sender came */
    bool http_1_0;
    struct request_header headers[REQUEST_HEADERS_MAX];
    size_t header_count;
};

/* The method's bit; 0 when it is none that may be. */
unsigned request_method(struct span name);
/* Appends the methods of a set: "GET, POST". */
void request_append_methods(unsigned methods, struct buf *out);
/* True when name is `wanted` but for the case of the letters, on either side. */
bool request_is(struct span name, const char *wanted);
/* How many headers of this name (in any case) there are; the first one's value in *value
 * (which may be NULL), empty when there is none. */
size_t request_find(const struct request *request, const char *name, struct span *value);
/* True when a header of this name lists the token: "Connection: close, TE". Both in lower case. */
bool request_lists(const struct request *request, const char *lower, const char *token);

#endif
