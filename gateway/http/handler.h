/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_HANDLER_H
#define SLUICE_GATEWAY_HTTP_HANDLER_H

/* Serves one request: reads its head and its body, passes it to event/accept, writes and counts the reply.
 * Every request ends here, also one that is incomplete or no HTTP at all. */

#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "proxies.h"

struct mg_connection;

/* What all handlers share. */
struct handler_service {
    struct publishers *publishers;
    struct load *load;
    int64_t max_body, max_header_bytes;
    struct proxies proxies;
};

/* Registers the histogram of requests. Before threads start. */
void handler_register(void);
/* Call on a thread that serves a connection, for each request that the receiver has given to civetweb. */
void handler_serve(const struct handler_service *service, struct mg_connection *connection);
/* Replies to a request that civetweb could not pass on, for want of memory for example. */
void handler_library_failed(struct mg_connection *connection, int status, const char *message);

#endif
