/* SPDX-License-Identifier: MIT */
/* Debian's libcivetweb (1.15 in Debian 12, 1.16 in 13) opens "libssl.so" with dlopen and looks up
 * SSL_get_peer_certificate in it. In OpenSSL 3 that is only a macro, so civetweb gets a NULL pointer and
 * jumps to it at the end of every TLS handshake. This object is named libssl.so, adds the function, and
 * depends on the real library for everything else. The gateway is linked to it, so it is loaded before
 * civetweb's dlopen.
 *
 * It also defines SSL_read and SSL_pending, as the gateway's own reader (gateway/http/receiver), which reads
 * senders' requests in civetweb's place. (libcrypto.so next to it adds no function: without the -dev package
 * no file has that name.) */
#include <openssl/ssl.h>

#undef SSL_get_peer_certificate
X509 *SSL_get_peer_certificate(const SSL *connection);

X509 *SSL_get_peer_certificate(const SSL *connection)
{
    return SSL_get1_peer_certificate(connection);
}

/* The gateway's; as SSL_read and SSL_pending. */
int receiver_read_tls(SSL *connection, void *bytes, int len);
int receiver_pending_tls(SSL *connection);

int SSL_read(SSL *connection, void *bytes, int len)
{
    return receiver_read_tls(connection, bytes, len);
}

/* As SSL_pending, but without the const of its argument: the reader will read from it. */
int pending_tls(SSL *connection) __asm__("SSL_pending");

int pending_tls(SSL *connection)
{
    return receiver_pending_tls(connection);
}
