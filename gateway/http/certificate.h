/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_CERTIFICATE_H
#define SLUICE_GATEWAY_HTTP_CERTIFICATE_H

/* The listener's certificate and key. They may be reloaded while requests are served: each TLS handshake uses
 * the pair that is in force when it begins. */

#include "error.h"

struct certificate;

/* Registers when the certificate in force ends. Before threads start. */
void certificate_register(void);
/* Reads both PEM files (the certificate with its chain). The paths must outlive *certificate, which the
 * caller closes. ERROR_SETTING names the file that cannot be used. */
MUST_CHECK enum error_code certificate_open(struct certificate **certificate, const char *cert_path,
                                            const char *key_path, struct error *error);
/* Reads both files again. On an error the old pair stays in force. Any thread. */
MUST_CHECK enum error_code certificate_reload(struct certificate *certificate, struct error *error);
/* Sets up a server's SSL_CTX (OpenSSL's) for TLS 1.2 or later with this certificate. The server must stop
 * before certificate_close. */
void certificate_attach(struct certificate *certificate, void *ssl_ctx);
/* certificate may be NULL. */
void certificate_close(struct certificate *certificate);

#endif
