/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_CERTIFICATE_H
#define SLUICE_GATEWAY_HTTP_CERTIFICATE_H

/* The listener's certificate and key, which may be read again while requests flow: each
 * connection takes what is in force when its handshake begins. */

#include "error.h"

struct certificate;

/* Reads both PEM files (the certificate with its chain). The paths must outlive it. ERROR_SETTING names the
 * file that can't be used. *certificate is the caller's. */
MUST_CHECK enum error_code certificate_open(struct certificate **certificate, const char *cert_path,
                                            const char *key_path, struct error *error);
/* Reads them again. On an error the old ones stay in force. Any thread. */
MUST_CHECK enum error_code certificate_reload(struct certificate *certificate, struct error *error);
/* Makes a server's SSL_CTX (of OpenSSL) take TLS 1.2 at least, and this certificate; the server
 * must end before the certificate does. */
void certificate_attach(struct certificate *certificate, void *ssl_ctx);
/* certificate may be NULL. */
void certificate_close(struct certificate *certificate);

#endif
