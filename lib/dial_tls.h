/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DIAL_TLS_H
#define SLUICE_DIAL_TLS_H

/* TLS to the broker: at least TLS 1.2, and a certificate that is signed by BROKER_CA and names the host. Only
 * for lib/dial. */

#include "broker.h"

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

/* A socket that the connection owns. host, the name or address in the certificate, must outlive the
 * handshake, which must happen on this thread. NULL: *error says why; ERROR_MEMORY, or ERROR_SETTING for a
 * file that can't be used. */
MUST_CHECK amqp_socket_t *dial_tls_socket(amqp_connection_state_t connection,
                                          const struct broker_access *access, char *host,
                                          struct error *error);
/* Call it before each handshake. */
void dial_tls_begin(void);
/* Why the call that returned this status of librabbitmq failed, if it was this thread's last call. Static
 * text. */
const char *dial_tls_reason(int status);

#endif
