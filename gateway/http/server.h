/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_SERVER_H
#define SLUICE_GATEWAY_HTTP_SERVER_H

/* The HTTP listener, and the only file of the gateway that sets up civetweb. Every request, on any path, is
 * read within limits and deadlines, passed to accept and answered with one write. A request that cannot be
 * read is answered, and its connection is closed. */

#include "certificate.h"
#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "gateway/settings.h"

struct server;

/* Listens on settings->listen, with HTTPS unless certificate is NULL, and logs "listening" with the port.
 * settings, publishers, load and certificate must outlive *server, which the caller ends with server_stop.
 * ERROR_SYSTEM or ERROR_SETTING: it cannot listen there. */
MUST_CHECK enum error_code server_start(struct server **server, const struct gateway_settings *settings,
                                        struct publishers *publishers, struct load *load,
                                        struct certificate *certificate, struct error *error);
/* Accepts no new connections from now on; open ones continue to be served. Call once, after server_start
 * succeeded. */
void server_stop_accepting(struct server *server);
/* Closes every connection; replies that are still being written are cut off. server may be NULL. */
void server_stop(struct server *server);

#endif
