/* SPDX-License-Identifier: MIT */
/* Debian's libcivetweb (1.15 in Debian 12, 1.16 in 13) opens "libssl.so" with dlopen and looks up
 * SSL_get_peer_certificate in it. In OpenSSL 3 that is only a macro, so civetweb gets a NULL pointer and
 * jumps to it at the end of every TLS handshake. This object is named libssl.so, adds the function, and
 * depends on the real library for everything else. The gateway is linked to it, so it is loaded before
 * civetweb's dlopen.
 *
 * It also defines SSL_read, as the gateway's own reader (gateway/http/receiver): it checks the framing of
 * HTTP before civetweb sees the bytes. (libcrypto.so next to it adds no function: without the -dev package no
 * file has that name.) */
#include <openssl/ssl.h>

#undef SSL_get_peer_certificate
X509 *SSL_get_peer_certificate(const SSL *connection);

X509 *SSL_get_peer_certificate(const SSL *connection)
{
    return SSL_get1_peer_certificate(connection);
}

/* The gateway's; as SSL_read. */
int receiver_read_tls(SSL *connection, void *bytes, int len);

int SSL_read(SSL *connection, void *bytes, int len)
{
    return receiver_read_tls(connection, bytes, len);
}
