/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_SERVER_H
#define SLUICE_GATEWAY_HTTP_SERVER_H

/* HTTP: the only file of the gateway that knows civetweb. Every request, on any path, is
 * read within limits and deadlines, given to intake, and answered with one write; what can't be
 * read is answered and the connection closed. */

#include "certificate.h"
#include "gateway/load.h"
#include "gateway/publish/publishers.h"
#include "gateway/settings.h"

struct ingress;

/* Listens on settings->listen, by HTTPS when certificate isn't NULL, and logs "listening" with the port.
 * settings, publishers, admission and certificate must outlive it. *ingress is the caller's, to be ended by
 * ingress_stop. ERROR_SYSTEM or ERROR_SETTING: it can't listen there. */
MUST_CHECK enum error_code ingress_start(struct ingress **ingress, const struct gateway_settings *settings,
                                         struct publishers *publishers, struct admission *admission,
                                         struct certificate *certificate, struct error *error);
/* Closes every connection; replies that are being written are cut. ingress may be NULL. */
void ingress_stop(struct ingress *ingress);

#endif
