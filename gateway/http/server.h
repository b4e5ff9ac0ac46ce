/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_SERVER_H
#define SLUICE_GATEWAY_HTTP_SERVER_H

/* HTTP: the only file of the gateway that knows civetweb. Every request, on any path, is
 * read within limits and deadlines, given to accept, and answered with one write; what can't be
 * read is answered and the connection closed. */

#include "certificate.h"
#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "gateway/settings.h"

struct server;

/* Listens on settings->listen, by HTTPS when certificate isn't NULL, and logs "listening" with the port.
 * settings, publishers, load and certificate must outlive it. *server is the caller's, to be ended by
 * server_stop. ERROR_SYSTEM or ERROR_SETTING: it can't listen there. */
MUST_CHECK enum error_code server_start(struct server **server, const struct gateway_settings *settings,
                                        struct publishers *publishers, struct load *load,
                                        struct certificate *certificate, struct error *error);
/* No new connection is accepted from now on; those that there are live on. Once, after a start that
 * succeeded. */
void server_stop_accepting(struct server *server);
/* Closes every connection; replies that are being written are cut. server may be NULL. */
void server_stop(struct server *server);

#endif
