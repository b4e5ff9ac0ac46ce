/* SPDX-License-Identifier: MIT */
/* Debian's libcivetweb (1.15 in 12, 1.16 in 13) opens "libssl.so" by name and takes
 * SSL_get_peer_certificate from it. OpenSSL 3 has only a macro of that name, so civetweb keeps a NULL pointer
 * and jumps to it at the end of every TLS handshake. This object goes by the name libssl.so, hands on
 * everything of the real one, and adds the function. The gateway is linked to it, so it is loaded before
 * civetweb asks.
 *
 * It has an SSL_read, too: the gateway's, which reads with SSL_read_ex and holds what comes to the rules of
 * HTTP before civetweb sees it (gateway/http/receiver). (The object libcrypto.so beside it adds nothing;
 * without the -dev package no file has that name.) */
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
