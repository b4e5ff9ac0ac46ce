/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_REQUEST_H
#define SLUICE_GATEWAY_REQUEST_H

/* A request's line and headers, as views into the HTTP server's memory that are valid until the reply is
 * written. Pure. */

#include "buf.h"

#define REQUEST_HEADERS_MAX 64 /* proxies and senders together add about 40 at most */
#define REQUEST_NAME_MAX 255   /* bytes of a header's name: AMQP's short string */

/* The supported methods, one bit each, in the order of the Allow header. */
#define REQUEST_METHODS 7
#define REQUEST_METHODS_ALL ((1U << REQUEST_METHODS) - 1)

struct request_header {
    struct span name;  /* as sent: compare with request_is */
    struct span value; /* without the white space around it */
};

struct request {
    struct span method;
    struct span path;   /* of the target, undecoded, up to '?' */
    struct span query;  /* the rest, undecoded, without '?' */
    struct span remote; /* the sender's address: see gateway/http/proxies */
    struct span host;   /* with its port if any: see gateway/http/target and gateway/http/proxies */
    bool https;         /* the sender used HTTPS */
    bool http_1_0;
    struct request_header headers[REQUEST_HEADERS_MAX];
    size_t header_count;
};

/* The method's bit; 0 when it is not supported. */
unsigned request_method(struct span name);
/* Appends the methods of a set: "GET, POST". */
void request_append_methods(unsigned methods, struct buf *out);
/* True when name equals `wanted`, ignoring case. */
bool request_is(struct span name, const char *wanted);
/* Returns how many headers have this name, ignoring case. Sets *value (which may be NULL) to the first one's
 * value, empty when there is none. */
size_t request_find(const struct request *request, const char *name, struct span *value);
/* True when a header of this name holds the token in its comma list, as in "Connection: close, TE". Both in
 * lower case. */
bool request_lists(const struct request *request, const char *lower, const char *token);

#endif
